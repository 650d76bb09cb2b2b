// Original file: packages/protocol/proto/cometmq/v1/routes.proto

import type { BrokerAddress__Input as _cometmq_v1_BrokerAddress__Input, BrokerAddress as _cometmq_v1_BrokerAddress } from '../../cometmq/v1/BrokerAddress.ts';
import type { Long } from '@grpc/proto-loader';

export interface RegisteredBroker__Input {
  'broker'?: (_cometmq_v1_BrokerAddress__Input | null);
  'registeredAgoMs'?: (number | string | Long);
  'lastBeatAgoMs'?: (number | string | Long);
  'topicCount'?: (number);
  'version'?: (string);
}

export interface RegisteredBroker {
  'broker': (_cometmq_v1_BrokerAddress | null);
  'registeredAgoMs': (number);
  'lastBeatAgoMs': (number);
  'topicCount': (number);
  'version': (string);
}
