// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

import type { MessageQueue__Input as _apache_rocketmq_v2_MessageQueue__Input, MessageQueue as _apache_rocketmq_v2_MessageQueue } from '../../../apache/rocketmq/v2/MessageQueue.ts';

export interface Assignment__Input {
  'messageQueue'?: (_apache_rocketmq_v2_MessageQueue__Input | null);
}

export interface Assignment {
  'messageQueue': (_apache_rocketmq_v2_MessageQueue | null);
}
