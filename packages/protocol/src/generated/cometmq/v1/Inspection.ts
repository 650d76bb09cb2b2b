// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { ReplicaMember__Input as _cometmq_v1_ReplicaMember__Input, ReplicaMember as _cometmq_v1_ReplicaMember } from '../../cometmq/v1/ReplicaMember.ts';
import type { EpochStart__Input as _cometmq_v1_EpochStart__Input, EpochStart as _cometmq_v1_EpochStart } from '../../cometmq/v1/EpochStart.ts';
import type { ReignSeen__Input as _cometmq_v1_ReignSeen__Input, ReignSeen as _cometmq_v1_ReignSeen } from '../../cometmq/v1/ReignSeen.ts';
import type { Appointment__Input as _cometmq_v1_Appointment__Input, Appointment as _cometmq_v1_Appointment } from '../../cometmq/v1/Appointment.ts';
import type { Long } from '@grpc/proto-loader';

export interface Inspection__Input {
  'member'?: (_cometmq_v1_ReplicaMember__Input | null);
  'trustedSince'?: (number | string | Long);
  'observer'?: (boolean);
  'electable'?: (boolean);
  'priority'?: (number);
  'role'?: (string);
  'epoch'?: (number | string | Long);
  'lastRecordEpoch'?: (number | string | Long);
  'maxOffset'?: (number | string | Long);
  'flushedOffset'?: (number | string | Long);
  'confirmOffset'?: (number | string | Long);
  'hasHeardMaster'?: (boolean);
  'masterHeardAgoMs'?: (number | string | Long);
  'epochs'?: (_cometmq_v1_EpochStart__Input)[];
  'reigns'?: (_cometmq_v1_ReignSeen__Input)[];
  'minOffset'?: (number | string | Long);
  'inSync'?: (_cometmq_v1_ReplicaMember__Input)[];
  'appointment'?: (_cometmq_v1_Appointment__Input | null);
  'inSyncAs'?: (number | string | Long);
  'standsIn'?: (boolean);
}

export interface Inspection {
  'member': (_cometmq_v1_ReplicaMember | null);
  'trustedSince': (number);
  'observer': (boolean);
  'electable': (boolean);
  'priority': (number);
  'role': (string);
  'epoch': (number);
  'lastRecordEpoch': (number);
  'maxOffset': (number);
  'flushedOffset': (number);
  'confirmOffset': (number);
  'hasHeardMaster': (boolean);
  'masterHeardAgoMs': (number);
  'epochs': (_cometmq_v1_EpochStart)[];
  'reigns': (_cometmq_v1_ReignSeen)[];
  'minOffset': (number);
  'inSync': (_cometmq_v1_ReplicaMember)[];
  'appointment': (_cometmq_v1_Appointment | null);
  'inSyncAs': (number);
  'standsIn': (boolean);
}
