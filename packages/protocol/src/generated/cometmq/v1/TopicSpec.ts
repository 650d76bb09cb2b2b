// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface TopicSpec__Input {
  'topic'?: (string);
  'type'?: (string);
  'queueCount'?: (number);
  'readable'?: (boolean);
  'writable'?: (boolean);
  'flush'?: (string);
  'replicas'?: (string);
  'version'?: (number | string | Long);
  'createdAtMs'?: (number | string | Long);
}

export interface TopicSpec {
  'topic': (string);
  'type': (string);
  'queueCount': (number);
  'readable': (boolean);
  'writable': (boolean);
  'flush': (string);
  'replicas': (string);
  'version': (number);
  'createdAtMs': (number);
}
