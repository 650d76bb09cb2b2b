// Original file: packages/protocol/proto/cometmq/v1/cluster.proto

import type { RegisteredTopic__Input as _cometmq_v1_RegisteredTopic__Input, RegisteredTopic as _cometmq_v1_RegisteredTopic } from '../../cometmq/v1/RegisteredTopic.ts';

export interface TopicChanges__Input {
  'changed'?: (_cometmq_v1_RegisteredTopic__Input)[];
  'removed'?: (string)[];
  'writable'?: (boolean);
  'hasWritable'?: (boolean);
}

export interface TopicChanges {
  'changed': (_cometmq_v1_RegisteredTopic)[];
  'removed': (string)[];
  'writable': (boolean);
  'hasWritable': (boolean);
}
