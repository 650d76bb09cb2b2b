// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';

export interface NotifyClientTerminationRequest__Input {
  'group'?: (_apache_rocketmq_v2_Resource__Input | null);
  '_group'?: "group";
}

export interface NotifyClientTerminationRequest {
  'group'?: (_apache_rocketmq_v2_Resource | null);
  '_group'?: "group";
}
