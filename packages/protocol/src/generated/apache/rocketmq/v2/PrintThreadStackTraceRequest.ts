// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';

export interface PrintThreadStackTraceRequest__Input {
  'deploymentName'?: (string);
  'clientId'?: (string);
  'group'?: (_apache_rocketmq_v2_Resource__Input | null);
  '_deploymentName'?: "deploymentName";
}

export interface PrintThreadStackTraceRequest {
  'deploymentName'?: (string);
  'clientId': (string);
  'group': (_apache_rocketmq_v2_Resource | null);
  '_deploymentName'?: "deploymentName";
}
