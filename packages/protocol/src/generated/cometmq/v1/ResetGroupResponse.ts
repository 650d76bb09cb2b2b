// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { ResetQueue__Input as _cometmq_v1_ResetQueue__Input, ResetQueue as _cometmq_v1_ResetQueue } from '../../cometmq/v1/ResetQueue.ts';
import type { BrokerOutcome__Input as _cometmq_v1_BrokerOutcome__Input, BrokerOutcome as _cometmq_v1_BrokerOutcome } from '../../cometmq/v1/BrokerOutcome.ts';

export interface ResetGroupResponse__Input {
  'queues'?: (_cometmq_v1_ResetQueue__Input)[];
  'brokers'?: (_cometmq_v1_BrokerOutcome__Input)[];
}

export interface ResetGroupResponse {
  'queues': (_cometmq_v1_ResetQueue)[];
  'brokers': (_cometmq_v1_BrokerOutcome)[];
}
