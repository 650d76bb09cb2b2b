// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { Long } from '@grpc/proto-loader';

export interface CheckpointRequest__Input {
  'cluster'?: (string);
  'brokerName'?: (string);
  'logOnly'?: (boolean);
  'logFrom'?: (number | string | Long);
}

export interface CheckpointRequest {
  'cluster': (string);
  'brokerName': (string);
  'logOnly': (boolean);
  'logFrom': (number);
}
