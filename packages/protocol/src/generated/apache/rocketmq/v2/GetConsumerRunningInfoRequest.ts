// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';

export interface GetConsumerRunningInfoRequest__Input {
  'deploymentName'?: (string);
  'group'?: (_apache_rocketmq_v2_Resource__Input | null);
  'clientId'?: (string);
  '_deploymentName'?: "deploymentName";
}

export interface GetConsumerRunningInfoRequest {
  'deploymentName'?: (string);
  'group': (_apache_rocketmq_v2_Resource | null);
  'clientId': (string);
  '_deploymentName'?: "deploymentName";
}
