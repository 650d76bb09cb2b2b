// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface CreateGroupRequest__Input {
  'group'?: (string);
  'maxAttempts'?: (number);
  'invisibleMs'?: (number | string | Long);
  'retryDelaysMs'?: (number | string | Long)[];
  'start'?: (string);
  'startTimestampMs'?: (number | string | Long);
  'everywhere'?: (boolean);
  'ifMissing'?: (boolean);
  'fifo'?: (boolean);
}

export interface CreateGroupRequest {
  'group': (string);
  'maxAttempts': (number);
  'invisibleMs': (number);
  'retryDelaysMs': (number)[];
  'start': (string);
  'startTimestampMs': (number);
  'everywhere': (boolean);
  'ifMissing': (boolean);
  'fifo': (boolean);
}
