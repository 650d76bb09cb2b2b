// Original file: packages/protocol/proto/cometmq/v1/routes.proto

import type { Long } from '@grpc/proto-loader';

export interface BrokerGroupEpoch__Input {
  'brokerName'?: (string);
  'epoch'?: (number | string | Long);
}

export interface BrokerGroupEpoch {
  'brokerName': (string);
  'epoch': (number);
}
