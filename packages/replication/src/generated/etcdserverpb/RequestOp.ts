// Original file: packages/replication/proto/etcd/rpc.proto

import type { RangeRequest__Input as _etcdserverpb_RangeRequest__Input, RangeRequest as _etcdserverpb_RangeRequest } from '../etcdserverpb/RangeRequest.ts';
import type { PutRequest__Input as _etcdserverpb_PutRequest__Input, PutRequest as _etcdserverpb_PutRequest } from '../etcdserverpb/PutRequest.ts';
import type { DeleteRangeRequest__Input as _etcdserverpb_DeleteRangeRequest__Input, DeleteRangeRequest as _etcdserverpb_DeleteRangeRequest } from '../etcdserverpb/DeleteRangeRequest.ts';

export interface RequestOp__Input {
  'requestRange'?: (_etcdserverpb_RangeRequest__Input | null);
  'requestPut'?: (_etcdserverpb_PutRequest__Input | null);
  'requestDeleteRange'?: (_etcdserverpb_DeleteRangeRequest__Input | null);
  'request'?: "requestRange"|"requestPut"|"requestDeleteRange";
}

export interface RequestOp {
  'requestRange'?: (_etcdserverpb_RangeRequest | null);
  'requestPut'?: (_etcdserverpb_PutRequest | null);
  'requestDeleteRange'?: (_etcdserverpb_DeleteRangeRequest | null);
  'request'?: "requestRange"|"requestPut"|"requestDeleteRange";
}
