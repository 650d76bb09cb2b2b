// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { Long } from '@grpc/proto-loader';

export interface HandOverResult__Input {
  'won'?: (boolean);
  'epoch'?: (number | string | Long);
  'reason'?: (string);
}

export interface HandOverResult {
  'won': (boolean);
  'epoch': (number);
  'reason': (string);
}
