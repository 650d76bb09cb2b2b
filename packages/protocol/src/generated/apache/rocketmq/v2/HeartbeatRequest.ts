// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';
import type { ClientType__Input as _apache_rocketmq_v2_ClientType__Input, ClientType as _apache_rocketmq_v2_ClientType } from '../../../apache/rocketmq/v2/ClientType.ts';

export interface HeartbeatRequest__Input {
  'group'?: (_apache_rocketmq_v2_Resource__Input | null);
  'clientType'?: (_apache_rocketmq_v2_ClientType__Input);
  '_group'?: "group";
}

export interface HeartbeatRequest {
  'group'?: (_apache_rocketmq_v2_Resource | null);
  'clientType': (_apache_rocketmq_v2_ClientType);
  '_group'?: "group";
}
