// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';
import type { ConsumerRunningInfo__Input as _apache_rocketmq_v2_ConsumerRunningInfo__Input, ConsumerRunningInfo as _apache_rocketmq_v2_ConsumerRunningInfo } from '../../../apache/rocketmq/v2/ConsumerRunningInfo.ts';

export interface GetConsumerRunningInfoResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'consumerRunningInfo'?: (_apache_rocketmq_v2_ConsumerRunningInfo__Input | null);
}

export interface GetConsumerRunningInfoResponse {
  'status': (_apache_rocketmq_v2_Status | null);
  'consumerRunningInfo': (_apache_rocketmq_v2_ConsumerRunningInfo | null);
}
