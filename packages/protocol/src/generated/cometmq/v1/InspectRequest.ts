// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { Long } from '@grpc/proto-loader';

export interface InspectRequest__Input {
  'brokerName'?: (string);
  'from'?: (number);
  'epoch'?: (number | string | Long);
}

export interface InspectRequest {
  'brokerName': (string);
  'from': (number);
  'epoch': (number);
}
