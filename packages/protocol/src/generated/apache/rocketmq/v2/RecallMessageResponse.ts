// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';

export interface RecallMessageResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'messageId'?: (string);
}

export interface RecallMessageResponse {
  'status': (_apache_rocketmq_v2_Status | null);
  'messageId': (string);
}
