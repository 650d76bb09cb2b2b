// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { TopicSpec__Input as _cometmq_v1_TopicSpec__Input, TopicSpec as _cometmq_v1_TopicSpec } from '../../cometmq/v1/TopicSpec.ts';

export interface ListTopicsResponse__Input {
  'topics'?: (_cometmq_v1_TopicSpec__Input)[];
}

export interface ListTopicsResponse {
  'topics': (_cometmq_v1_TopicSpec)[];
}
