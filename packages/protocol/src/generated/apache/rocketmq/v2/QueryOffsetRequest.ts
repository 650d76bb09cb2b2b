// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { MessageQueue__Input as _apache_rocketmq_v2_MessageQueue__Input, MessageQueue as _apache_rocketmq_v2_MessageQueue } from '../../../apache/rocketmq/v2/MessageQueue.ts';
import type { QueryOffsetPolicy__Input as _apache_rocketmq_v2_QueryOffsetPolicy__Input, QueryOffsetPolicy as _apache_rocketmq_v2_QueryOffsetPolicy } from '../../../apache/rocketmq/v2/QueryOffsetPolicy.ts';
import type { Timestamp__Input as _google_protobuf_Timestamp__Input, Timestamp as _google_protobuf_Timestamp } from '../../../google/protobuf/Timestamp.ts';

export interface QueryOffsetRequest__Input {
  'messageQueue'?: (_apache_rocketmq_v2_MessageQueue__Input | null);
  'queryOffsetPolicy'?: (_apache_rocketmq_v2_QueryOffsetPolicy__Input);
  'timestamp'?: (_google_protobuf_Timestamp__Input | null);
  '_timestamp'?: "timestamp";
}

export interface QueryOffsetRequest {
  'messageQueue': (_apache_rocketmq_v2_MessageQueue | null);
  'queryOffsetPolicy': (_apache_rocketmq_v2_QueryOffsetPolicy);
  'timestamp'?: (_google_protobuf_Timestamp | null);
  '_timestamp'?: "timestamp";
}
