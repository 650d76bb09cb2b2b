// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { Long } from '@grpc/proto-loader';

export interface ReplicaMember__Input {
  'brokerId'?: (number);
  'incarnation'?: (number | string | Long);
  'storeId'?: (string);
}

export interface ReplicaMember {
  'brokerId': (number);
  'incarnation': (number);
  'storeId': (string);
}
