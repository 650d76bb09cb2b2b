// Original file: packages/protocol/proto/cometmq/v1/routes.proto

import type { ListenerAddress__Input as _cometmq_v1_ListenerAddress__Input, ListenerAddress as _cometmq_v1_ListenerAddress } from '../../cometmq/v1/ListenerAddress.ts';
import type { Long } from '@grpc/proto-loader';

export interface BrokerAddress__Input {
  'brokerName'?: (string);
  'brokerId'?: (number);
  'epoch'?: (number | string | Long);
  'address'?: (string);
  'listeners'?: (_cometmq_v1_ListenerAddress__Input)[];
  'standsIn'?: (boolean);
}

export interface BrokerAddress {
  'brokerName': (string);
  'brokerId': (number);
  'epoch': (number);
  'address': (string);
  'listeners': (_cometmq_v1_ListenerAddress)[];
  'standsIn': (boolean);
}
