// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { MessageQueue__Input as _apache_rocketmq_v2_MessageQueue__Input, MessageQueue as _apache_rocketmq_v2_MessageQueue } from '../../../apache/rocketmq/v2/MessageQueue.ts';
import type { ProcessQueueInfo__Input as _apache_rocketmq_v2_ProcessQueueInfo__Input, ProcessQueueInfo as _apache_rocketmq_v2_ProcessQueueInfo } from '../../../apache/rocketmq/v2/ProcessQueueInfo.ts';

export interface MessageQueueItem__Input {
  'messageQueue'?: (_apache_rocketmq_v2_MessageQueue__Input | null);
  'processQueueInfo'?: (_apache_rocketmq_v2_ProcessQueueInfo__Input | null);
}

export interface MessageQueueItem {
  'messageQueue': (_apache_rocketmq_v2_MessageQueue | null);
  'processQueueInfo': (_apache_rocketmq_v2_ProcessQueueInfo | null);
}
