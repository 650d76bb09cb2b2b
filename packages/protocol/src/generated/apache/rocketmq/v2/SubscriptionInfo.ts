// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';
import type { FilterExpression__Input as _apache_rocketmq_v2_FilterExpression__Input, FilterExpression as _apache_rocketmq_v2_FilterExpression } from '../../../apache/rocketmq/v2/FilterExpression.ts';
import type { Timestamp__Input as _google_protobuf_Timestamp__Input, Timestamp as _google_protobuf_Timestamp } from '../../../google/protobuf/Timestamp.ts';
import type { MessageModel__Input as _apache_rocketmq_v2_MessageModel__Input, MessageModel as _apache_rocketmq_v2_MessageModel } from '../../../apache/rocketmq/v2/MessageModel.ts';

export interface SubscriptionInfo__Input {
  'group'?: (_apache_rocketmq_v2_Resource__Input | null);
  'topic'?: (_apache_rocketmq_v2_Resource__Input | null);
  'expression'?: (_apache_rocketmq_v2_FilterExpression__Input | null);
  'online'?: (boolean);
  'lastUpdateTimestamp'?: (_google_protobuf_Timestamp__Input | null);
  'messageModel'?: (_apache_rocketmq_v2_MessageModel__Input);
  'subscriptionConsistency'?: (boolean);
}

export interface SubscriptionInfo {
  'group': (_apache_rocketmq_v2_Resource | null);
  'topic': (_apache_rocketmq_v2_Resource | null);
  'expression': (_apache_rocketmq_v2_FilterExpression | null);
  'online': (boolean);
  'lastUpdateTimestamp': (_google_protobuf_Timestamp | null);
  'messageModel': (_apache_rocketmq_v2_MessageModel);
  'subscriptionConsistency': (boolean);
}
