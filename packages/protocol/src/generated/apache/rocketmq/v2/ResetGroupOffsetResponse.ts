// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';

export interface ResetGroupOffsetResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
}

export interface ResetGroupOffsetResponse {
  'status': (_apache_rocketmq_v2_Status | null);
}
