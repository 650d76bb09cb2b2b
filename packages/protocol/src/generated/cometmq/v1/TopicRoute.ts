// Original file: packages/protocol/proto/cometmq/v1/routes.proto

import type { QueueGroup__Input as _cometmq_v1_QueueGroup__Input, QueueGroup as _cometmq_v1_QueueGroup } from '../../cometmq/v1/QueueGroup.ts';

export interface TopicRoute__Input {
  'topic'?: (string);
  'type'?: (string);
  'queueGroups'?: (_cometmq_v1_QueueGroup__Input)[];
}

export interface TopicRoute {
  'topic': (string);
  'type': (string);
  'queueGroups': (_cometmq_v1_QueueGroup)[];
}
