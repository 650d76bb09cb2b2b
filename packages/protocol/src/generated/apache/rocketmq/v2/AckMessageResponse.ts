// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';
import type { AckMessageResultEntry__Input as _apache_rocketmq_v2_AckMessageResultEntry__Input, AckMessageResultEntry as _apache_rocketmq_v2_AckMessageResultEntry } from '../../../apache/rocketmq/v2/AckMessageResultEntry.ts';

export interface AckMessageResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'entries'?: (_apache_rocketmq_v2_AckMessageResultEntry__Input)[];
}

export interface AckMessageResponse {
  'status': (_apache_rocketmq_v2_Status | null);
  'entries': (_apache_rocketmq_v2_AckMessageResultEntry)[];
}
