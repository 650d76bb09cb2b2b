// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { ReplicaMember__Input as _cometmq_v1_ReplicaMember__Input, ReplicaMember as _cometmq_v1_ReplicaMember } from '../../cometmq/v1/ReplicaMember.ts';
import type { EpochStart__Input as _cometmq_v1_EpochStart__Input, EpochStart as _cometmq_v1_EpochStart } from '../../cometmq/v1/EpochStart.ts';
import type { Long } from '@grpc/proto-loader';

export interface SlaveHello__Input {
  'cluster'?: (string);
  'brokerName'?: (string);
  'member'?: (_cometmq_v1_ReplicaMember__Input | null);
  'version'?: (number);
  'lastSeenEpoch'?: (number | string | Long);
  'epochs'?: (_cometmq_v1_EpochStart__Input)[];
  'minOffset'?: (number | string | Long);
  'maxOffset'?: (number | string | Long);
  'confirmOffset'?: (number | string | Long);
  'observer'?: (boolean);
}

export interface SlaveHello {
  'cluster': (string);
  'brokerName': (string);
  'member': (_cometmq_v1_ReplicaMember | null);
  'version': (number);
  'lastSeenEpoch': (number);
  'epochs': (_cometmq_v1_EpochStart)[];
  'minOffset': (number);
  'maxOffset': (number);
  'confirmOffset': (number);
  'observer': (boolean);
}
