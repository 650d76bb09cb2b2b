// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { TopicSpec__Input as _cometmq_v1_TopicSpec__Input, TopicSpec as _cometmq_v1_TopicSpec } from '../../cometmq/v1/TopicSpec.ts';
import type { QueueDescription__Input as _cometmq_v1_QueueDescription__Input, QueueDescription as _cometmq_v1_QueueDescription } from '../../cometmq/v1/QueueDescription.ts';

export interface TopicDescription__Input {
  'spec'?: (_cometmq_v1_TopicSpec__Input | null);
  'queues'?: (_cometmq_v1_QueueDescription__Input)[];
  'groups'?: (string)[];
  'brokerName'?: (string);
}

export interface TopicDescription {
  'spec': (_cometmq_v1_TopicSpec | null);
  'queues': (_cometmq_v1_QueueDescription)[];
  'groups': (string)[];
  'brokerName': (string);
}
