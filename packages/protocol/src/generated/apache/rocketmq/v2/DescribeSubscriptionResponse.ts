// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';
import type { ClientInfo__Input as _apache_rocketmq_v2_ClientInfo__Input, ClientInfo as _apache_rocketmq_v2_ClientInfo } from '../../../apache/rocketmq/v2/ClientInfo.ts';
import type { SubscriptionInfo__Input as _apache_rocketmq_v2_SubscriptionInfo__Input, SubscriptionInfo as _apache_rocketmq_v2_SubscriptionInfo } from '../../../apache/rocketmq/v2/SubscriptionInfo.ts';

export interface _apache_rocketmq_v2_DescribeSubscriptionResponse_ClientSubscriptionInfo__Input {
  'clientInfo'?: (_apache_rocketmq_v2_ClientInfo__Input | null);
  'subscriptionInfo'?: (_apache_rocketmq_v2_SubscriptionInfo__Input | null);
}

export interface _apache_rocketmq_v2_DescribeSubscriptionResponse_ClientSubscriptionInfo {
  'clientInfo': (_apache_rocketmq_v2_ClientInfo | null);
  'subscriptionInfo': (_apache_rocketmq_v2_SubscriptionInfo | null);
}

export interface DescribeSubscriptionResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'clientSubscriptionInfo'?: (_apache_rocketmq_v2_DescribeSubscriptionResponse_ClientSubscriptionInfo__Input)[];
}

export interface DescribeSubscriptionResponse {
  'status': (_apache_rocketmq_v2_Status | null);
  'clientSubscriptionInfo': (_apache_rocketmq_v2_DescribeSubscriptionResponse_ClientSubscriptionInfo)[];
}
