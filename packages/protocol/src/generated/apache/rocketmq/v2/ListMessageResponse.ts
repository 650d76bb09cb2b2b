// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';
import type { Message__Input as _apache_rocketmq_v2_Message__Input, Message as _apache_rocketmq_v2_Message } from '../../../apache/rocketmq/v2/Message.ts';

export interface ListMessageResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'messages'?: (_apache_rocketmq_v2_Message__Input)[];
  'scrollId'?: (string);
}

export interface ListMessageResponse {
  'status': (_apache_rocketmq_v2_Status | null);
  'messages': (_apache_rocketmq_v2_Message)[];
  'scrollId': (string);
}
