// Original file: packages/replication/proto/etcd/rpc.proto

import type { RangeResponse__Input as _etcdserverpb_RangeResponse__Input, RangeResponse as _etcdserverpb_RangeResponse } from '../etcdserverpb/RangeResponse.ts';
import type { PutResponse__Input as _etcdserverpb_PutResponse__Input, PutResponse as _etcdserverpb_PutResponse } from '../etcdserverpb/PutResponse.ts';
import type { DeleteRangeResponse__Input as _etcdserverpb_DeleteRangeResponse__Input, DeleteRangeResponse as _etcdserverpb_DeleteRangeResponse } from '../etcdserverpb/DeleteRangeResponse.ts';

export interface ResponseOp__Input {
  'responseRange'?: (_etcdserverpb_RangeResponse__Input | null);
  'responsePut'?: (_etcdserverpb_PutResponse__Input | null);
  'responseDeleteRange'?: (_etcdserverpb_DeleteRangeResponse__Input | null);
  'response'?: "responseRange"|"responsePut"|"responseDeleteRange";
}

export interface ResponseOp {
  'responseRange'?: (_etcdserverpb_RangeResponse | null);
  'responsePut'?: (_etcdserverpb_PutResponse | null);
  'responseDeleteRange'?: (_etcdserverpb_DeleteRangeResponse | null);
  'response'?: "responseRange"|"responsePut"|"responseDeleteRange";
}
