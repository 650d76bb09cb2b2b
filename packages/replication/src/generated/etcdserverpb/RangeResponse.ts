// Original file: packages/replication/proto/etcd/rpc.proto

import type { ResponseHeader__Input as _etcdserverpb_ResponseHeader__Input, ResponseHeader as _etcdserverpb_ResponseHeader } from '../etcdserverpb/ResponseHeader.ts';
import type { KeyValue__Input as _etcdserverpb_KeyValue__Input, KeyValue as _etcdserverpb_KeyValue } from '../etcdserverpb/KeyValue.ts';

export interface RangeResponse__Input {
  'header'?: (_etcdserverpb_ResponseHeader__Input | null);
  'kvs'?: (_etcdserverpb_KeyValue__Input)[];
}

export interface RangeResponse {
  'header': (_etcdserverpb_ResponseHeader | null);
  'kvs': (_etcdserverpb_KeyValue)[];
}
