// Original file: packages/replication/proto/etcd/rpc.proto

import type { Long } from '@grpc/proto-loader';

export interface LeaseKeepAliveRequest__Input {
  'ID'?: (number | string | Long);
}

export interface LeaseKeepAliveRequest {
  'ID': (string);
}
