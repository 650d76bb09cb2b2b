// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { TopicFilterSpec__Input as _cometmq_v1_TopicFilterSpec__Input, TopicFilterSpec as _cometmq_v1_TopicFilterSpec } from '../../cometmq/v1/TopicFilterSpec.ts';
import type { Long } from '@grpc/proto-loader';

export interface MemberDescription__Input {
  'sessionId'?: (string);
  'clientId'?: (string);
  'peer'?: (string);
  'connectedMs'?: (number | string | Long);
  'heldMessages'?: (number | string | Long);
  'creditBytes'?: (number | string | Long);
  'topics'?: (_cometmq_v1_TopicFilterSpec__Input)[];
}

export interface MemberDescription {
  'sessionId': (string);
  'clientId': (string);
  'peer': (string);
  'connectedMs': (number);
  'heldMessages': (number);
  'creditBytes': (number);
  'topics': (_cometmq_v1_TopicFilterSpec)[];
}
