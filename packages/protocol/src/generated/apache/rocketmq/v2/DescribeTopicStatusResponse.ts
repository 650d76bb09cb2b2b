// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';
import type { MessageType__Input as _apache_rocketmq_v2_MessageType__Input, MessageType as _apache_rocketmq_v2_MessageType } from '../../../apache/rocketmq/v2/MessageType.ts';
import type { Timestamp__Input as _google_protobuf_Timestamp__Input, Timestamp as _google_protobuf_Timestamp } from '../../../google/protobuf/Timestamp.ts';

export interface DescribeTopicStatusResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'topicMessageType'?: (_apache_rocketmq_v2_MessageType__Input);
  'description'?: (string);
  'createTimestamp'?: (_google_protobuf_Timestamp__Input | null);
  'tags'?: ({[key: string]: string});
  '_description'?: "description";
}

export interface DescribeTopicStatusResponse {
  'status': (_apache_rocketmq_v2_Status | null);
  'topicMessageType': (_apache_rocketmq_v2_MessageType);
  'description'?: (string);
  'createTimestamp': (_google_protobuf_Timestamp | null);
  'tags': ({[key: string]: string});
  '_description'?: "description";
}
