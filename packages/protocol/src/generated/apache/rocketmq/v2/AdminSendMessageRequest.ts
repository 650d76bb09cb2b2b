// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';
import type { SystemProperties__Input as _apache_rocketmq_v2_SystemProperties__Input, SystemProperties as _apache_rocketmq_v2_SystemProperties } from '../../../apache/rocketmq/v2/SystemProperties.ts';

export interface AdminSendMessageRequest__Input {
  'deploymentName'?: (string);
  'topic'?: (_apache_rocketmq_v2_Resource__Input | null);
  'tag'?: (string);
  'key'?: (string);
  'body'?: (Buffer | Uint8Array | string);
  'userProperties'?: ({[key: string]: string});
  'systemProperties'?: (_apache_rocketmq_v2_SystemProperties__Input | null);
  'extInfo'?: ({[key: string]: string});
  '_deploymentName'?: "deploymentName";
  '_tag'?: "tag";
  '_key'?: "key";
  '_systemProperties'?: "systemProperties";
}

export interface AdminSendMessageRequest {
  'deploymentName'?: (string);
  'topic': (_apache_rocketmq_v2_Resource | null);
  'tag'?: (string);
  'key'?: (string);
  'body': (Buffer);
  'userProperties': ({[key: string]: string});
  'systemProperties'?: (_apache_rocketmq_v2_SystemProperties | null);
  'extInfo': ({[key: string]: string});
  '_deploymentName'?: "deploymentName";
  '_tag'?: "tag";
  '_key'?: "key";
  '_systemProperties'?: "systemProperties";
}
