// Original file: packages/protocol/proto/cometmq/v1/routes.proto

import type { Long } from '@grpc/proto-loader';

export interface BrokerAddress__Input {
  'brokerName'?: (string);
  'brokerId'?: (number);
  'epoch'?: (number | string | Long);
  'address'?: (string);
}

export interface BrokerAddress {
  'brokerName': (string);
  'brokerId': (number);
  'epoch': (number);
  'address': (string);
}
