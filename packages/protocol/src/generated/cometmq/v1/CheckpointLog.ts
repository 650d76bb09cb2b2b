// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { Long } from '@grpc/proto-loader';

export interface CheckpointLog__Input {
  'offset'?: (number | string | Long);
  'epoch'?: (number | string | Long);
  'records'?: (Buffer | Uint8Array | string);
}

export interface CheckpointLog {
  'offset': (number);
  'epoch': (number);
  'records': (Buffer);
}
