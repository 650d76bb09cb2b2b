// Original file: packages/protocol/proto/cometmq/v1/cluster.proto

import type { BrokerAddress__Input as _cometmq_v1_BrokerAddress__Input, BrokerAddress as _cometmq_v1_BrokerAddress } from '../../cometmq/v1/BrokerAddress.ts';
import type { Long } from '@grpc/proto-loader';

export interface BeatAnswer__Input {
  'number'?: (number | string | Long);
  'brokers'?: (_cometmq_v1_BrokerAddress__Input)[];
  'masterPresent'?: (boolean);
  'highestEpoch'?: (number | string | Long);
}

export interface BeatAnswer {
  'number': (number);
  'brokers': (_cometmq_v1_BrokerAddress)[];
  'masterPresent': (boolean);
  'highestEpoch': (number);
}
