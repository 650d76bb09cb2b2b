// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

import type { Endpoints__Input as _apache_rocketmq_v2_Endpoints__Input, Endpoints as _apache_rocketmq_v2_Endpoints } from '../../../apache/rocketmq/v2/Endpoints.ts';

export interface Metric__Input {
  'on'?: (boolean);
  'endpoints'?: (_apache_rocketmq_v2_Endpoints__Input | null);
  '_endpoints'?: "endpoints";
}

export interface Metric {
  'on': (boolean);
  'endpoints'?: (_apache_rocketmq_v2_Endpoints | null);
  '_endpoints'?: "endpoints";
}
