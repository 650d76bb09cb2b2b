// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';

export interface PrintThreadStackTraceResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'threadStackTrace'?: (string);
  '_threadStackTrace'?: "threadStackTrace";
}

export interface PrintThreadStackTraceResponse {
  'status': (_apache_rocketmq_v2_Status | null);
  'threadStackTrace'?: (string);
  '_threadStackTrace'?: "threadStackTrace";
}
