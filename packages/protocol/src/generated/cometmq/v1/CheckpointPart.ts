// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { CheckpointOrigin__Input as _cometmq_v1_CheckpointOrigin__Input, CheckpointOrigin as _cometmq_v1_CheckpointOrigin } from '../../cometmq/v1/CheckpointOrigin.ts';
import type { CheckpointRows__Input as _cometmq_v1_CheckpointRows__Input, CheckpointRows as _cometmq_v1_CheckpointRows } from '../../cometmq/v1/CheckpointRows.ts';
import type { CheckpointLog__Input as _cometmq_v1_CheckpointLog__Input, CheckpointLog as _cometmq_v1_CheckpointLog } from '../../cometmq/v1/CheckpointLog.ts';
import type { CheckpointEnd__Input as _cometmq_v1_CheckpointEnd__Input, CheckpointEnd as _cometmq_v1_CheckpointEnd } from '../../cometmq/v1/CheckpointEnd.ts';

export interface CheckpointPart__Input {
  'origin'?: (_cometmq_v1_CheckpointOrigin__Input | null);
  'rows'?: (_cometmq_v1_CheckpointRows__Input | null);
  'log'?: (_cometmq_v1_CheckpointLog__Input | null);
  'end'?: (_cometmq_v1_CheckpointEnd__Input | null);
  'kind'?: "origin"|"rows"|"log"|"end";
}

export interface CheckpointPart {
  'origin'?: (_cometmq_v1_CheckpointOrigin | null);
  'rows'?: (_cometmq_v1_CheckpointRows | null);
  'log'?: (_cometmq_v1_CheckpointLog | null);
  'end'?: (_cometmq_v1_CheckpointEnd | null);
  'kind'?: "origin"|"rows"|"log"|"end";
}
