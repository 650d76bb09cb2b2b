// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { EpochStart__Input as _cometmq_v1_EpochStart__Input, EpochStart as _cometmq_v1_EpochStart } from '../../cometmq/v1/EpochStart.ts';
import type { Long } from '@grpc/proto-loader';

export interface MasterWelcome__Input {
  'epochs'?: (_cometmq_v1_EpochStart__Input)[];
  'minOffset'?: (number | string | Long);
  'truncateTo'?: (number | string | Long);
  'tailFrom'?: (number | string | Long);
  'tailChecksum'?: (number);
  'startOver'?: (boolean);
  'maxInFlightBytes'?: (number);
}

export interface MasterWelcome {
  'epochs': (_cometmq_v1_EpochStart)[];
  'minOffset': (number);
  'truncateTo': (number);
  'tailFrom': (number);
  'tailChecksum': (number);
  'startOver': (boolean);
  'maxInFlightBytes': (number);
}
