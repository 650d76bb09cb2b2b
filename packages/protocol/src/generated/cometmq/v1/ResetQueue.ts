// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface ResetQueue__Input {
  'brokerName'?: (string);
  'topic'?: (string);
  'queueId'?: (number);
  'before'?: (number | string | Long);
  'after'?: (number | string | Long);
}

export interface ResetQueue {
  'brokerName': (string);
  'topic': (string);
  'queueId': (number);
  'before': (number);
  'after': (number);
}
