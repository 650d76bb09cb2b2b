// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { BrokerOutcome__Input as _cometmq_v1_BrokerOutcome__Input, BrokerOutcome as _cometmq_v1_BrokerOutcome } from '../../cometmq/v1/BrokerOutcome.ts';

export interface ChangeOutcome__Input {
  'brokers'?: (_cometmq_v1_BrokerOutcome__Input)[];
}

export interface ChangeOutcome {
  'brokers': (_cometmq_v1_BrokerOutcome)[];
}
