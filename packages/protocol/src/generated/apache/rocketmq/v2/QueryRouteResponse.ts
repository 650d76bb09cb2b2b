// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';
import type { MessageQueue__Input as _apache_rocketmq_v2_MessageQueue__Input, MessageQueue as _apache_rocketmq_v2_MessageQueue } from '../../../apache/rocketmq/v2/MessageQueue.ts';

export interface QueryRouteResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'messageQueues'?: (_apache_rocketmq_v2_MessageQueue__Input)[];
}

export interface QueryRouteResponse {
  'status': (_apache_rocketmq_v2_Status | null);
  'messageQueues': (_apache_rocketmq_v2_MessageQueue)[];
}
