// Original file: packages/replication/proto/etcd/rpc.proto

import type { MethodDefinition } from '@grpc/proto-loader'
import type { WatchRequest__Input as _etcdserverpb_WatchRequest__Input, WatchRequest as _etcdserverpb_WatchRequest } from '../etcdserverpb/WatchRequest.ts';
import type { WatchResponse__Input as _etcdserverpb_WatchResponse__Input, WatchResponse as _etcdserverpb_WatchResponse } from '../etcdserverpb/WatchResponse.ts';

export interface WatchDefinition {
  Watch: MethodDefinition<_etcdserverpb_WatchRequest__Input, _etcdserverpb_WatchResponse__Input, _etcdserverpb_WatchRequest, _etcdserverpb_WatchResponse>
}
