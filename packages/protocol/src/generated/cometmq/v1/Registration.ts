// Original file: packages/protocol/proto/cometmq/v1/cluster.proto

import type { ListenerAddress__Input as _cometmq_v1_ListenerAddress__Input, ListenerAddress as _cometmq_v1_ListenerAddress } from '../../cometmq/v1/ListenerAddress.ts';
import type { RegisteredTopic__Input as _cometmq_v1_RegisteredTopic__Input, RegisteredTopic as _cometmq_v1_RegisteredTopic } from '../../cometmq/v1/RegisteredTopic.ts';
import type { Long } from '@grpc/proto-loader';

export interface Registration__Input {
  'cluster'?: (string);
  'brokerName'?: (string);
  'brokerId'?: (number);
  'epoch'?: (number | string | Long);
  'storeId'?: (string);
  'listeners'?: (_cometmq_v1_ListenerAddress__Input)[];
  'topics'?: (_cometmq_v1_RegisteredTopic__Input)[];
  'autoCreateTopics'?: (boolean);
  'version'?: (string);
  'standsIn'?: (boolean);
}

export interface Registration {
  'cluster': (string);
  'brokerName': (string);
  'brokerId': (number);
  'epoch': (number);
  'storeId': (string);
  'listeners': (_cometmq_v1_ListenerAddress)[];
  'topics': (_cometmq_v1_RegisteredTopic)[];
  'autoCreateTopics': (boolean);
  'version': (string);
  'standsIn': (boolean);
}
