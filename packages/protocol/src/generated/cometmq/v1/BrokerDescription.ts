// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface BrokerDescription__Input {
  'cluster'?: (string);
  'brokerName'?: (string);
  'brokerId'?: (number);
  'role'?: (string);
  'epoch'?: (number | string | Long);
  'version'?: (string);
  'uptimeMs'?: (number | string | Long);
  'address'?: (string);
  'logMinOffset'?: (number | string | Long);
  'logMaxOffset'?: (number | string | Long);
  'flushedOffset'?: (number | string | Long);
  'confirmOffset'?: (number | string | Long);
  'appliedOffset'?: (number | string | Long);
  'diskFreeBytes'?: (number | string | Long);
  'writable'?: (boolean);
  'notWritableBecause'?: (string);
  'rssBytes'?: (number | string | Long);
  'connections'?: (number);
  'messagesIn'?: (number | string | Long);
  'messagesOut'?: (number | string | Long);
  'bytesIn'?: (number | string | Long);
  'bytesOut'?: (number | string | Long);
  'topics'?: (number);
  'groups'?: (number);
  'queues'?: (number | string | Long);
}

export interface BrokerDescription {
  'cluster': (string);
  'brokerName': (string);
  'brokerId': (number);
  'role': (string);
  'epoch': (number);
  'version': (string);
  'uptimeMs': (number);
  'address': (string);
  'logMinOffset': (number);
  'logMaxOffset': (number);
  'flushedOffset': (number);
  'confirmOffset': (number);
  'appliedOffset': (number);
  'diskFreeBytes': (number);
  'writable': (boolean);
  'notWritableBecause': (string);
  'rssBytes': (number);
  'connections': (number);
  'messagesIn': (number);
  'messagesOut': (number);
  'bytesIn': (number);
  'bytesOut': (number);
  'topics': (number);
  'groups': (number);
  'queues': (number);
}
