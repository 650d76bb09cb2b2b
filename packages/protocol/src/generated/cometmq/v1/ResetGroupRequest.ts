// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface ResetGroupRequest__Input {
  'group'?: (string);
  'topic'?: (string);
  'to'?: (string);
  'timestampMs'?: (number | string | Long);
  'offset'?: (number | string | Long);
  'queueId'?: (number);
  'hasQueueId'?: (boolean);
  'everywhere'?: (boolean);
  'dryRun'?: (boolean);
}

export interface ResetGroupRequest {
  'group': (string);
  'topic': (string);
  'to': (string);
  'timestampMs': (number);
  'offset': (number);
  'queueId': (number);
  'hasQueueId': (boolean);
  'everywhere': (boolean);
  'dryRun': (boolean);
}
