// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';

// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

export const _apache_rocketmq_v2_GetTopicRouteRequest_NetworkType = {
  INTERNAL: 'INTERNAL',
  INTERNET: 'INTERNET',
  INTRANET: 'INTRANET',
} as const;

export type _apache_rocketmq_v2_GetTopicRouteRequest_NetworkType__Input =
  | 'INTERNAL'
  | 0
  | 'INTERNET'
  | 1
  | 'INTRANET'
  | 2

export type _apache_rocketmq_v2_GetTopicRouteRequest_NetworkType = typeof _apache_rocketmq_v2_GetTopicRouteRequest_NetworkType[keyof typeof _apache_rocketmq_v2_GetTopicRouteRequest_NetworkType]

export interface GetTopicRouteRequest__Input {
  'deploymentName'?: (string);
  'topic'?: (_apache_rocketmq_v2_Resource__Input | null);
  'networkType'?: (_apache_rocketmq_v2_GetTopicRouteRequest_NetworkType__Input);
  'protocolType'?: (string);
  'streamRequestType'?: (boolean);
  'clientAddress'?: (string);
  '_deploymentName'?: "deploymentName";
}

export interface GetTopicRouteRequest {
  'deploymentName'?: (string);
  'topic': (_apache_rocketmq_v2_Resource | null);
  'networkType': (_apache_rocketmq_v2_GetTopicRouteRequest_NetworkType);
  'protocolType': (string);
  'streamRequestType': (boolean);
  'clientAddress': (string);
  '_deploymentName'?: "deploymentName";
}
