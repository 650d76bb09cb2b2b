// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface EpochDescription__Input {
  'epoch'?: (number | string | Long);
  'start'?: (number | string | Long);
  'master'?: (number);
  'reason'?: (string);
  'atMs'?: (number | string | Long);
}

export interface EpochDescription {
  'epoch': (number);
  'start': (number);
  'master': (number);
  'reason': (string);
  'atMs': (number);
}
