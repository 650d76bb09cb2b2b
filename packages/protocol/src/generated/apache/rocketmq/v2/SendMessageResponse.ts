// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';
import type { SendResultEntry__Input as _apache_rocketmq_v2_SendResultEntry__Input, SendResultEntry as _apache_rocketmq_v2_SendResultEntry } from '../../../apache/rocketmq/v2/SendResultEntry.ts';

export interface SendMessageResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'entries'?: (_apache_rocketmq_v2_SendResultEntry__Input)[];
}

export interface SendMessageResponse {
  'status': (_apache_rocketmq_v2_Status | null);
  'entries': (_apache_rocketmq_v2_SendResultEntry)[];
}
