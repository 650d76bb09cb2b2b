// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface QueueDescription__Input {
  'queueId'?: (number);
  'minOffset'?: (number | string | Long);
  'maxOffset'?: (number | string | Long);
  'lastStoreTimeMs'?: (number | string | Long);
}

export interface QueueDescription {
  'queueId': (number);
  'minOffset': (number);
  'maxOffset': (number);
  'lastStoreTimeMs': (number);
}
