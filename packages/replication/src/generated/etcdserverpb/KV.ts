// Original file: packages/replication/proto/etcd/rpc.proto

import type { MethodDefinition } from '@grpc/proto-loader'
import type { RangeRequest__Input as _etcdserverpb_RangeRequest__Input, RangeRequest as _etcdserverpb_RangeRequest } from '../etcdserverpb/RangeRequest.ts';
import type { RangeResponse__Input as _etcdserverpb_RangeResponse__Input, RangeResponse as _etcdserverpb_RangeResponse } from '../etcdserverpb/RangeResponse.ts';
import type { TxnRequest__Input as _etcdserverpb_TxnRequest__Input, TxnRequest as _etcdserverpb_TxnRequest } from '../etcdserverpb/TxnRequest.ts';
import type { TxnResponse__Input as _etcdserverpb_TxnResponse__Input, TxnResponse as _etcdserverpb_TxnResponse } from '../etcdserverpb/TxnResponse.ts';

export interface KVDefinition {
  Range: MethodDefinition<_etcdserverpb_RangeRequest__Input, _etcdserverpb_RangeResponse__Input, _etcdserverpb_RangeRequest, _etcdserverpb_RangeResponse>
  Txn: MethodDefinition<_etcdserverpb_TxnRequest__Input, _etcdserverpb_TxnResponse__Input, _etcdserverpb_TxnRequest, _etcdserverpb_TxnResponse>
}
