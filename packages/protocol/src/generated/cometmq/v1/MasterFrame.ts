// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { MasterWelcome__Input as _cometmq_v1_MasterWelcome__Input, MasterWelcome as _cometmq_v1_MasterWelcome } from '../../cometmq/v1/MasterWelcome.ts';
import type { MasterRefusal__Input as _cometmq_v1_MasterRefusal__Input, MasterRefusal as _cometmq_v1_MasterRefusal } from '../../cometmq/v1/MasterRefusal.ts';
import type { MasterData__Input as _cometmq_v1_MasterData__Input, MasterData as _cometmq_v1_MasterData } from '../../cometmq/v1/MasterData.ts';
import type { MasterBeat__Input as _cometmq_v1_MasterBeat__Input, MasterBeat as _cometmq_v1_MasterBeat } from '../../cometmq/v1/MasterBeat.ts';
import type { HandOverOffer__Input as _cometmq_v1_HandOverOffer__Input, HandOverOffer as _cometmq_v1_HandOverOffer } from '../../cometmq/v1/HandOverOffer.ts';
import type { Long } from '@grpc/proto-loader';

export interface MasterFrame__Input {
  'epoch'?: (number | string | Long);
  'confirmOffset'?: (number | string | Long);
  'maxOffset'?: (number | string | Long);
  'welcome'?: (_cometmq_v1_MasterWelcome__Input | null);
  'refusal'?: (_cometmq_v1_MasterRefusal__Input | null);
  'data'?: (_cometmq_v1_MasterData__Input | null);
  'beat'?: (_cometmq_v1_MasterBeat__Input | null);
  'handOver'?: (_cometmq_v1_HandOverOffer__Input | null);
  'kind'?: "welcome"|"refusal"|"data"|"beat"|"handOver";
}

export interface MasterFrame {
  'epoch': (number);
  'confirmOffset': (number);
  'maxOffset': (number);
  'welcome'?: (_cometmq_v1_MasterWelcome | null);
  'refusal'?: (_cometmq_v1_MasterRefusal | null);
  'data'?: (_cometmq_v1_MasterData | null);
  'beat'?: (_cometmq_v1_MasterBeat | null);
  'handOver'?: (_cometmq_v1_HandOverOffer | null);
  'kind'?: "welcome"|"refusal"|"data"|"beat"|"handOver";
}
