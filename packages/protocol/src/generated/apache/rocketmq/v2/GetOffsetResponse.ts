// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';
import type { Long } from '@grpc/proto-loader';

export interface GetOffsetResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'offset'?: (number | string | Long);
}

export interface GetOffsetResponse {
  'status': (_apache_rocketmq_v2_Status | null);
  'offset': (number);
}
