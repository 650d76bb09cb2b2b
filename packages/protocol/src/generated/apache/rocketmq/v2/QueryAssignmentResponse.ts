// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';
import type { Assignment__Input as _apache_rocketmq_v2_Assignment__Input, Assignment as _apache_rocketmq_v2_Assignment } from '../../../apache/rocketmq/v2/Assignment.ts';

export interface QueryAssignmentResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'assignments'?: (_apache_rocketmq_v2_Assignment__Input)[];
}

export interface QueryAssignmentResponse {
  'status': (_apache_rocketmq_v2_Status | null);
  'assignments': (_apache_rocketmq_v2_Assignment)[];
}
