// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';
import type { MessageQueue__Input as _apache_rocketmq_v2_MessageQueue__Input, MessageQueue as _apache_rocketmq_v2_MessageQueue } from '../../../apache/rocketmq/v2/MessageQueue.ts';

export interface GetOffsetRequest__Input {
  'group'?: (_apache_rocketmq_v2_Resource__Input | null);
  'messageQueue'?: (_apache_rocketmq_v2_MessageQueue__Input | null);
}

export interface GetOffsetRequest {
  'group': (_apache_rocketmq_v2_Resource | null);
  'messageQueue': (_apache_rocketmq_v2_MessageQueue | null);
}
