// Original file: packages/protocol/proto/cometmq/v1/routes.proto

import type { RegisteredBroker__Input as _cometmq_v1_RegisteredBroker__Input, RegisteredBroker as _cometmq_v1_RegisteredBroker } from '../../cometmq/v1/RegisteredBroker.ts';
import type { BrokerGroupEpoch__Input as _cometmq_v1_BrokerGroupEpoch__Input, BrokerGroupEpoch as _cometmq_v1_BrokerGroupEpoch } from '../../cometmq/v1/BrokerGroupEpoch.ts';
import type { Long } from '@grpc/proto-loader';

export interface ClusterDescription__Input {
  'cluster'?: (string);
  'brokers'?: (_cometmq_v1_RegisteredBroker__Input)[];
  'version'?: (string);
  'uptimeMs'?: (number | string | Long);
  'ready'?: (boolean);
  'highestEpochs'?: (_cometmq_v1_BrokerGroupEpoch__Input)[];
}

export interface ClusterDescription {
  'cluster': (string);
  'brokers': (_cometmq_v1_RegisteredBroker)[];
  'version': (string);
  'uptimeMs': (number);
  'ready': (boolean);
  'highestEpochs': (_cometmq_v1_BrokerGroupEpoch)[];
}
