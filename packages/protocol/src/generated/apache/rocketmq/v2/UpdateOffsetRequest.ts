// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';
import type { MessageQueue__Input as _apache_rocketmq_v2_MessageQueue__Input, MessageQueue as _apache_rocketmq_v2_MessageQueue } from '../../../apache/rocketmq/v2/MessageQueue.ts';
import type { Long } from '@grpc/proto-loader';

export interface UpdateOffsetRequest__Input {
  'group'?: (_apache_rocketmq_v2_Resource__Input | null);
  'messageQueue'?: (_apache_rocketmq_v2_MessageQueue__Input | null);
  'offset'?: (number | string | Long);
}

export interface UpdateOffsetRequest {
  'group': (_apache_rocketmq_v2_Resource | null);
  'messageQueue': (_apache_rocketmq_v2_MessageQueue | null);
  'offset': (number);
}
