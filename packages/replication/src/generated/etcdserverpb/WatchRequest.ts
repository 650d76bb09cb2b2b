// Original file: packages/replication/proto/etcd/rpc.proto

import type { WatchCreateRequest__Input as _etcdserverpb_WatchCreateRequest__Input, WatchCreateRequest as _etcdserverpb_WatchCreateRequest } from '../etcdserverpb/WatchCreateRequest.ts';
import type { WatchProgressRequest__Input as _etcdserverpb_WatchProgressRequest__Input, WatchProgressRequest as _etcdserverpb_WatchProgressRequest } from '../etcdserverpb/WatchProgressRequest.ts';

export interface WatchRequest__Input {
  'createRequest'?: (_etcdserverpb_WatchCreateRequest__Input | null);
  'progressRequest'?: (_etcdserverpb_WatchProgressRequest__Input | null);
  'requestUnion'?: "createRequest"|"progressRequest";
}

export interface WatchRequest {
  'createRequest'?: (_etcdserverpb_WatchCreateRequest | null);
  'progressRequest'?: (_etcdserverpb_WatchProgressRequest | null);
  'requestUnion'?: "createRequest"|"progressRequest";
}
