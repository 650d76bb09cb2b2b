// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';
import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';

export interface ChangeInvisibleDurationRequest__Input {
  'group'?: (_apache_rocketmq_v2_Resource__Input | null);
  'topic'?: (_apache_rocketmq_v2_Resource__Input | null);
  'receiptHandle'?: (string);
  'invisibleDuration'?: (_google_protobuf_Duration__Input | null);
  'messageId'?: (string);
  'liteTopic'?: (string);
  'suspend'?: (boolean);
  '_liteTopic'?: "liteTopic";
  '_suspend'?: "suspend";
}

export interface ChangeInvisibleDurationRequest {
  'group': (_apache_rocketmq_v2_Resource | null);
  'topic': (_apache_rocketmq_v2_Resource | null);
  'receiptHandle': (string);
  'invisibleDuration': (_google_protobuf_Duration | null);
  'messageId': (string);
  'liteTopic'?: (string);
  'suspend'?: (boolean);
  '_liteTopic'?: "liteTopic";
  '_suspend'?: "suspend";
}
