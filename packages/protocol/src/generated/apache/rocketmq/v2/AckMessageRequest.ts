// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';
import type { AckMessageEntry__Input as _apache_rocketmq_v2_AckMessageEntry__Input, AckMessageEntry as _apache_rocketmq_v2_AckMessageEntry } from '../../../apache/rocketmq/v2/AckMessageEntry.ts';

export interface AckMessageRequest__Input {
  'group'?: (_apache_rocketmq_v2_Resource__Input | null);
  'topic'?: (_apache_rocketmq_v2_Resource__Input | null);
  'entries'?: (_apache_rocketmq_v2_AckMessageEntry__Input)[];
}

export interface AckMessageRequest {
  'group': (_apache_rocketmq_v2_Resource | null);
  'topic': (_apache_rocketmq_v2_Resource | null);
  'entries': (_apache_rocketmq_v2_AckMessageEntry)[];
}
