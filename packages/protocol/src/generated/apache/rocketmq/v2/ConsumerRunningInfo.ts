// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { FilterExpression__Input as _apache_rocketmq_v2_FilterExpression__Input, FilterExpression as _apache_rocketmq_v2_FilterExpression } from '../../../apache/rocketmq/v2/FilterExpression.ts';
import type { MessageQueueItem__Input as _apache_rocketmq_v2_MessageQueueItem__Input, MessageQueueItem as _apache_rocketmq_v2_MessageQueueItem } from '../../../apache/rocketmq/v2/MessageQueueItem.ts';
import type { ConsumeStatus__Input as _apache_rocketmq_v2_ConsumeStatus__Input, ConsumeStatus as _apache_rocketmq_v2_ConsumeStatus } from '../../../apache/rocketmq/v2/ConsumeStatus.ts';

export interface ConsumerRunningInfo__Input {
  'properties'?: ({[key: string]: string});
  'subscriptions'?: ({[key: string]: _apache_rocketmq_v2_FilterExpression__Input});
  'messageQueueTable'?: (_apache_rocketmq_v2_MessageQueueItem__Input)[];
  'consumeStatusTable'?: ({[key: string]: _apache_rocketmq_v2_ConsumeStatus__Input});
}

export interface ConsumerRunningInfo {
  'properties': ({[key: string]: string});
  'subscriptions': ({[key: string]: _apache_rocketmq_v2_FilterExpression});
  'messageQueueTable': (_apache_rocketmq_v2_MessageQueueItem)[];
  'consumeStatusTable': ({[key: string]: _apache_rocketmq_v2_ConsumeStatus});
}
