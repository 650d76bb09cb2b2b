// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';
import type { Endpoints__Input as _apache_rocketmq_v2_Endpoints__Input, Endpoints as _apache_rocketmq_v2_Endpoints } from '../../../apache/rocketmq/v2/Endpoints.ts';

export interface QueryAssignmentRequest__Input {
  'topic'?: (_apache_rocketmq_v2_Resource__Input | null);
  'group'?: (_apache_rocketmq_v2_Resource__Input | null);
  'endpoints'?: (_apache_rocketmq_v2_Endpoints__Input | null);
}

export interface QueryAssignmentRequest {
  'topic': (_apache_rocketmq_v2_Resource | null);
  'group': (_apache_rocketmq_v2_Resource | null);
  'endpoints': (_apache_rocketmq_v2_Endpoints | null);
}
