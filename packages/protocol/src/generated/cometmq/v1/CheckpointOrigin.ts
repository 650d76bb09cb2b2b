// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { EpochStart__Input as _cometmq_v1_EpochStart__Input, EpochStart as _cometmq_v1_EpochStart } from '../../cometmq/v1/EpochStart.ts';
import type { Long } from '@grpc/proto-loader';

export interface CheckpointOrigin__Input {
  'appliedOffset'?: (number | string | Long);
  'epoch'?: (number | string | Long);
  'storeTimeMs'?: (number | string | Long);
  'baseOffset'?: (number | string | Long);
  'epochs'?: (_cometmq_v1_EpochStart__Input)[];
}

export interface CheckpointOrigin {
  'appliedOffset': (number);
  'epoch': (number);
  'storeTimeMs': (number);
  'baseOffset': (number);
  'epochs': (_cometmq_v1_EpochStart)[];
}
