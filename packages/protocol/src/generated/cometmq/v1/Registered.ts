// Original file: packages/protocol/proto/cometmq/v1/cluster.proto

import type { BrokerAddress__Input as _cometmq_v1_BrokerAddress__Input, BrokerAddress as _cometmq_v1_BrokerAddress } from '../../cometmq/v1/BrokerAddress.ts';

export interface Registered__Input {
  'brokers'?: (_cometmq_v1_BrokerAddress__Input)[];
}

export interface Registered {
  'brokers': (_cometmq_v1_BrokerAddress)[];
}
