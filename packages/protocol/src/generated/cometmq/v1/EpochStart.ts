// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { Long } from '@grpc/proto-loader';

export interface EpochStart__Input {
  'epoch'?: (number | string | Long);
  'start'?: (number | string | Long);
}

export interface EpochStart {
  'epoch': (number);
  'start': (number);
}
