// Original file: packages/replication/proto/etcd/rpc.proto

import type { Long } from '@grpc/proto-loader';

export interface LeaseRevokeRequest__Input {
  'ID'?: (number | string | Long);
}

export interface LeaseRevokeRequest {
  'ID': (string);
}
