// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';
import type { SubscriptionInfo__Input as _apache_rocketmq_v2_SubscriptionInfo__Input, SubscriptionInfo as _apache_rocketmq_v2_SubscriptionInfo } from '../../../apache/rocketmq/v2/SubscriptionInfo.ts';

export interface ListSubscriptionResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'subscriptionInfo'?: (_apache_rocketmq_v2_SubscriptionInfo__Input)[];
}

export interface ListSubscriptionResponse {
  'status': (_apache_rocketmq_v2_Status | null);
  'subscriptionInfo': (_apache_rocketmq_v2_SubscriptionInfo)[];
}
