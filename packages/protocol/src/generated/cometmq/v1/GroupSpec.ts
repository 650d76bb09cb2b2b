// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface GroupSpec__Input {
  'group'?: (string);
  'maxAttempts'?: (number);
  'invisibleMs'?: (number | string | Long);
  'retryDelaysMs'?: (number | string | Long)[];
  'start'?: (string);
  'startTimestampMs'?: (number | string | Long);
  'paused'?: (boolean);
  'fifo'?: (boolean);
  'version'?: (number | string | Long);
  'createdAtMs'?: (number | string | Long);
}

export interface GroupSpec {
  'group': (string);
  'maxAttempts': (number);
  'invisibleMs': (number);
  'retryDelaysMs': (number)[];
  'start': (string);
  'startTimestampMs': (number);
  'paused': (boolean);
  'fifo': (boolean);
  'version': (number);
  'createdAtMs': (number);
}
