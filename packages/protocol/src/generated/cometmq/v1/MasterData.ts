// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { Long } from '@grpc/proto-loader';

export interface MasterData__Input {
  'offset'?: (number | string | Long);
  'batchEpoch'?: (number | string | Long);
  'batchEpochStart'?: (number | string | Long);
  'records'?: (Buffer | Uint8Array | string);
  'checksum'?: (number);
}

export interface MasterData {
  'offset': (number);
  'batchEpoch': (number);
  'batchEpochStart': (number);
  'records': (Buffer);
  'checksum': (number);
}
