// Original file: packages/protocol/proto/cometmq/v1/routes.proto

import type { BrokerAddress__Input as _cometmq_v1_BrokerAddress__Input, BrokerAddress as _cometmq_v1_BrokerAddress } from '../../cometmq/v1/BrokerAddress.ts';
import type { TopicRoute__Input as _cometmq_v1_TopicRoute__Input, TopicRoute as _cometmq_v1_TopicRoute } from '../../cometmq/v1/TopicRoute.ts';
import type { Long } from '@grpc/proto-loader';

export interface RouteUpdate__Input {
  'brokers'?: (_cometmq_v1_BrokerAddress__Input)[];
  'topics'?: (_cometmq_v1_TopicRoute__Input)[];
  'missing'?: (string)[];
  'cluster'?: (string);
  'autoCreateTopics'?: (boolean);
  'version'?: (number | string | Long);
  'forgotten'?: (string)[];
}

export interface RouteUpdate {
  'brokers': (_cometmq_v1_BrokerAddress)[];
  'topics': (_cometmq_v1_TopicRoute)[];
  'missing': (string)[];
  'cluster': (string);
  'autoCreateTopics': (boolean);
  'version': (number);
  'forgotten': (string)[];
}
