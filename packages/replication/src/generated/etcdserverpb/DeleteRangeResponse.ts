// Original file: packages/replication/proto/etcd/rpc.proto

import type { ResponseHeader__Input as _etcdserverpb_ResponseHeader__Input, ResponseHeader as _etcdserverpb_ResponseHeader } from '../etcdserverpb/ResponseHeader.ts';

export interface DeleteRangeResponse__Input {
  'header'?: (_etcdserverpb_ResponseHeader__Input | null);
}

export interface DeleteRangeResponse {
  'header': (_etcdserverpb_ResponseHeader | null);
}
