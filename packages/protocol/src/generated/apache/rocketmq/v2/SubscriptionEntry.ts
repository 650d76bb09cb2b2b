// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';
import type { FilterExpression__Input as _apache_rocketmq_v2_FilterExpression__Input, FilterExpression as _apache_rocketmq_v2_FilterExpression } from '../../../apache/rocketmq/v2/FilterExpression.ts';

export interface SubscriptionEntry__Input {
  'topic'?: (_apache_rocketmq_v2_Resource__Input | null);
  'expression'?: (_apache_rocketmq_v2_FilterExpression__Input | null);
}

export interface SubscriptionEntry {
  'topic': (_apache_rocketmq_v2_Resource | null);
  'expression': (_apache_rocketmq_v2_FilterExpression | null);
}
