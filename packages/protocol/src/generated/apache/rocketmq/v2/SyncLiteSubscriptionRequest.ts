// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { LiteSubscriptionAction__Input as _apache_rocketmq_v2_LiteSubscriptionAction__Input, LiteSubscriptionAction as _apache_rocketmq_v2_LiteSubscriptionAction } from '../../../apache/rocketmq/v2/LiteSubscriptionAction.ts';
import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';
import type { OffsetOption__Input as _apache_rocketmq_v2_OffsetOption__Input, OffsetOption as _apache_rocketmq_v2_OffsetOption } from '../../../apache/rocketmq/v2/OffsetOption.ts';
import type { Long } from '@grpc/proto-loader';

export interface SyncLiteSubscriptionRequest__Input {
  'action'?: (_apache_rocketmq_v2_LiteSubscriptionAction__Input);
  'topic'?: (_apache_rocketmq_v2_Resource__Input | null);
  'group'?: (_apache_rocketmq_v2_Resource__Input | null);
  'liteTopicSet'?: (string)[];
  'version'?: (number | string | Long);
  'offsetOption'?: (_apache_rocketmq_v2_OffsetOption__Input | null);
  '_version'?: "version";
  '_offsetOption'?: "offsetOption";
}

export interface SyncLiteSubscriptionRequest {
  'action': (_apache_rocketmq_v2_LiteSubscriptionAction);
  'topic': (_apache_rocketmq_v2_Resource | null);
  'group': (_apache_rocketmq_v2_Resource | null);
  'liteTopicSet': (string)[];
  'version'?: (number);
  'offsetOption'?: (_apache_rocketmq_v2_OffsetOption | null);
  '_version'?: "version";
  '_offsetOption'?: "offsetOption";
}
