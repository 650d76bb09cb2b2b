// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

import type { Code__Input as _apache_rocketmq_v2_Code__Input, Code as _apache_rocketmq_v2_Code } from '../../../apache/rocketmq/v2/Code.ts';

export interface Status__Input {
  'code'?: (_apache_rocketmq_v2_Code__Input);
  'message'?: (string);
}

export interface Status {
  'code': (_apache_rocketmq_v2_Code);
  'message': (string);
}
