// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';
import type { Message__Input as _apache_rocketmq_v2_Message__Input, Message as _apache_rocketmq_v2_Message } from '../../../apache/rocketmq/v2/Message.ts';
import type { Timestamp__Input as _google_protobuf_Timestamp__Input, Timestamp as _google_protobuf_Timestamp } from '../../../google/protobuf/Timestamp.ts';

export interface ReceiveMessageResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'message'?: (_apache_rocketmq_v2_Message__Input | null);
  'deliveryTimestamp'?: (_google_protobuf_Timestamp__Input | null);
  'content'?: "status"|"message"|"deliveryTimestamp";
}

export interface ReceiveMessageResponse {
  'status'?: (_apache_rocketmq_v2_Status | null);
  'message'?: (_apache_rocketmq_v2_Message | null);
  'deliveryTimestamp'?: (_google_protobuf_Timestamp | null);
  'content'?: "status"|"message"|"deliveryTimestamp";
}
