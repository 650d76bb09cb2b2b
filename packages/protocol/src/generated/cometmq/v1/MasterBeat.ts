// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { MemberDurable__Input as _cometmq_v1_MemberDurable__Input, MemberDurable as _cometmq_v1_MemberDurable } from '../../cometmq/v1/MemberDurable.ts';
import type { Long } from '@grpc/proto-loader';

export interface MasterBeat__Input {
  'number'?: (number | string | Long);
  'lostElector'?: (boolean);
  'inSync'?: (_cometmq_v1_MemberDurable__Input)[];
  'heard'?: (number | string | Long);
}

export interface MasterBeat {
  'number': (number);
  'lostElector': (boolean);
  'inSync': (_cometmq_v1_MemberDurable)[];
  'heard': (number);
}
