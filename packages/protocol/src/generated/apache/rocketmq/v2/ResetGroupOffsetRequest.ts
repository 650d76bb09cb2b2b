// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';
import type { Timestamp__Input as _google_protobuf_Timestamp__Input, Timestamp as _google_protobuf_Timestamp } from '../../../google/protobuf/Timestamp.ts';

export interface ResetGroupOffsetRequest__Input {
  'deploymentName'?: (string);
  'group'?: (_apache_rocketmq_v2_Resource__Input | null);
  'topic'?: (_apache_rocketmq_v2_Resource__Input | null);
  'resetTimestamp'?: (_google_protobuf_Timestamp__Input | null);
  '_deploymentName'?: "deploymentName";
}

export interface ResetGroupOffsetRequest {
  'deploymentName'?: (string);
  'group': (_apache_rocketmq_v2_Resource | null);
  'topic': (_apache_rocketmq_v2_Resource | null);
  'resetTimestamp': (_google_protobuf_Timestamp | null);
  '_deploymentName'?: "deploymentName";
}
