// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';
import type { Message__Input as _apache_rocketmq_v2_Message__Input, Message as _apache_rocketmq_v2_Message } from '../../../apache/rocketmq/v2/Message.ts';
import type { Long } from '@grpc/proto-loader';

export interface PullMessageResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'message'?: (_apache_rocketmq_v2_Message__Input | null);
  'nextOffset'?: (number | string | Long);
  'content'?: "status"|"message"|"nextOffset";
}

export interface PullMessageResponse {
  'status'?: (_apache_rocketmq_v2_Status | null);
  'message'?: (_apache_rocketmq_v2_Message | null);
  'nextOffset'?: (number);
  'content'?: "status"|"message"|"nextOffset";
}
