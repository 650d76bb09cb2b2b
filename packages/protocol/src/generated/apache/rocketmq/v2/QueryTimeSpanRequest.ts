// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';

export interface QueryTimeSpanRequest__Input {
  'deploymentName'?: (string);
  'group'?: (_apache_rocketmq_v2_Resource__Input | null);
  'topics'?: (_apache_rocketmq_v2_Resource__Input)[];
  '_deploymentName'?: "deploymentName";
}

export interface QueryTimeSpanRequest {
  'deploymentName'?: (string);
  'group': (_apache_rocketmq_v2_Resource | null);
  'topics': (_apache_rocketmq_v2_Resource)[];
  '_deploymentName'?: "deploymentName";
}
