// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface CommandGroupResponse__Input {
  'epoch'?: (number | string | Long);
  'master'?: (number);
  'tookMs'?: (number | string | Long);
  'keptTo'?: (number | string | Long);
  'confirmedTo'?: (number | string | Long);
}

export interface CommandGroupResponse {
  'epoch': (number);
  'master': (number);
  'tookMs': (number);
  'keptTo': (number);
  'confirmedTo': (number);
}
