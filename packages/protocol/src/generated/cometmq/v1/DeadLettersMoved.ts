// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { BrokerOutcome__Input as _cometmq_v1_BrokerOutcome__Input, BrokerOutcome as _cometmq_v1_BrokerOutcome } from '../../cometmq/v1/BrokerOutcome.ts';
import type { Long } from '@grpc/proto-loader';

export interface DeadLettersMoved__Input {
  'messages'?: (number | string | Long);
  'brokers'?: (_cometmq_v1_BrokerOutcome__Input)[];
}

export interface DeadLettersMoved {
  'messages': (number);
  'brokers': (_cometmq_v1_BrokerOutcome)[];
}
