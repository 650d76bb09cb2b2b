// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

import type { ExponentialBackoff__Input as _apache_rocketmq_v2_ExponentialBackoff__Input, ExponentialBackoff as _apache_rocketmq_v2_ExponentialBackoff } from '../../../apache/rocketmq/v2/ExponentialBackoff.ts';
import type { CustomizedBackoff__Input as _apache_rocketmq_v2_CustomizedBackoff__Input, CustomizedBackoff as _apache_rocketmq_v2_CustomizedBackoff } from '../../../apache/rocketmq/v2/CustomizedBackoff.ts';

export interface RetryPolicy__Input {
  'maxAttempts'?: (number);
  'exponentialBackoff'?: (_apache_rocketmq_v2_ExponentialBackoff__Input | null);
  'customizedBackoff'?: (_apache_rocketmq_v2_CustomizedBackoff__Input | null);
  'strategy'?: "exponentialBackoff"|"customizedBackoff";
}

export interface RetryPolicy {
  'maxAttempts': (number);
  'exponentialBackoff'?: (_apache_rocketmq_v2_ExponentialBackoff | null);
  'customizedBackoff'?: (_apache_rocketmq_v2_CustomizedBackoff | null);
  'strategy'?: "exponentialBackoff"|"customizedBackoff";
}
