// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';
import type { SystemProperties__Input as _apache_rocketmq_v2_SystemProperties__Input, SystemProperties as _apache_rocketmq_v2_SystemProperties } from '../../../apache/rocketmq/v2/SystemProperties.ts';

export interface Message__Input {
  'topic'?: (_apache_rocketmq_v2_Resource__Input | null);
  'userProperties'?: ({[key: string]: string});
  'systemProperties'?: (_apache_rocketmq_v2_SystemProperties__Input | null);
  'body'?: (Buffer | Uint8Array | string);
}

export interface Message {
  'topic': (_apache_rocketmq_v2_Resource | null);
  'userProperties': ({[key: string]: string});
  'systemProperties': (_apache_rocketmq_v2_SystemProperties | null);
  'body': (Buffer);
}
