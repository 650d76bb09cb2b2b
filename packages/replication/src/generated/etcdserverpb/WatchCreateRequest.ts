// Original file: packages/replication/proto/etcd/rpc.proto

import type { Long } from '@grpc/proto-loader';

export interface WatchCreateRequest__Input {
  'key'?: (Buffer | Uint8Array | string);
  'rangeEnd'?: (Buffer | Uint8Array | string);
  'startRevision'?: (number | string | Long);
}

export interface WatchCreateRequest {
  'key': (Buffer);
  'rangeEnd': (Buffer);
  'startRevision': (string);
}
