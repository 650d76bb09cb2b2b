// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface StoredMessage__Input {
  'brokerName'?: (string);
  'topic'?: (string);
  'queueId'?: (number);
  'offset'?: (number | string | Long);
  'messageId'?: (string);
  'body'?: (Buffer | Uint8Array | string);
  'tag'?: (string);
  'keys'?: (string)[];
  'properties'?: ({[key: string]: string});
  'messageGroup'?: (string);
  'bornTimeMs'?: (number | string | Long);
  'storeTimeMs'?: (number | string | Long);
  'originTopic'?: (string);
  'originQueueId'?: (number);
  'originOffset'?: (number | string | Long);
  'attempts'?: (number);
  'reason'?: (string);
  'dueAtMs'?: (number | string | Long);
}

export interface StoredMessage {
  'brokerName': (string);
  'topic': (string);
  'queueId': (number);
  'offset': (number);
  'messageId': (string);
  'body': (Buffer);
  'tag': (string);
  'keys': (string)[];
  'properties': ({[key: string]: string});
  'messageGroup': (string);
  'bornTimeMs': (number);
  'storeTimeMs': (number);
  'originTopic': (string);
  'originQueueId': (number);
  'originOffset': (number);
  'attempts': (number);
  'reason': (string);
  'dueAtMs': (number);
}
