// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

import type { Endpoints__Input as _apache_rocketmq_v2_Endpoints__Input, Endpoints as _apache_rocketmq_v2_Endpoints } from '../../../apache/rocketmq/v2/Endpoints.ts';

export interface Broker__Input {
  'name'?: (string);
  'id'?: (number);
  'endpoints'?: (_apache_rocketmq_v2_Endpoints__Input | null);
}

export interface Broker {
  'name': (string);
  'id': (number);
  'endpoints': (_apache_rocketmq_v2_Endpoints | null);
}
