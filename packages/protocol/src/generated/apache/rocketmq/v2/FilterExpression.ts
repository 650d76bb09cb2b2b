// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

import type { FilterType__Input as _apache_rocketmq_v2_FilterType__Input, FilterType as _apache_rocketmq_v2_FilterType } from '../../../apache/rocketmq/v2/FilterType.ts';

export interface FilterExpression__Input {
  'type'?: (_apache_rocketmq_v2_FilterType__Input);
  'expression'?: (string);
}

export interface FilterExpression {
  'type': (_apache_rocketmq_v2_FilterType);
  'expression': (string);
}
