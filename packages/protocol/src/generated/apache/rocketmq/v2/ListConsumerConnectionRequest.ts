// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';

export interface ListConsumerConnectionRequest__Input {
  'deploymentName'?: (string);
  'group'?: (_apache_rocketmq_v2_Resource__Input | null);
  'topic'?: (_apache_rocketmq_v2_Resource__Input | null);
  'liteTopic'?: (string);
  '_deploymentName'?: "deploymentName";
  '_topic'?: "topic";
  '_liteTopic'?: "liteTopic";
}

export interface ListConsumerConnectionRequest {
  'deploymentName'?: (string);
  'group': (_apache_rocketmq_v2_Resource | null);
  'topic'?: (_apache_rocketmq_v2_Resource | null);
  'liteTopic'?: (string);
  '_deploymentName'?: "deploymentName";
  '_topic'?: "topic";
  '_liteTopic'?: "liteTopic";
}
