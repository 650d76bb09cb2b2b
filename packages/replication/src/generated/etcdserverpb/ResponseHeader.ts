// Original file: packages/replication/proto/etcd/rpc.proto

import type { Long } from '@grpc/proto-loader';

export interface ResponseHeader__Input {
  'clusterId'?: (number | string | Long);
  'memberId'?: (number | string | Long);
  'revision'?: (number | string | Long);
  'raftTerm'?: (number | string | Long);
}

export interface ResponseHeader {
  'clusterId': (string);
  'memberId': (string);
  'revision': (string);
  'raftTerm': (string);
}
