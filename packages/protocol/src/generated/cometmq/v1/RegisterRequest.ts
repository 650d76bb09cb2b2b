// Original file: packages/protocol/proto/cometmq/v1/cluster.proto

import type { Registration__Input as _cometmq_v1_Registration__Input, Registration as _cometmq_v1_Registration } from '../../cometmq/v1/Registration.ts';
import type { TopicChanges__Input as _cometmq_v1_TopicChanges__Input, TopicChanges as _cometmq_v1_TopicChanges } from '../../cometmq/v1/TopicChanges.ts';
import type { RegisterBeat__Input as _cometmq_v1_RegisterBeat__Input, RegisterBeat as _cometmq_v1_RegisterBeat } from '../../cometmq/v1/RegisterBeat.ts';
import type { Goodbye__Input as _cometmq_v1_Goodbye__Input, Goodbye as _cometmq_v1_Goodbye } from '../../cometmq/v1/Goodbye.ts';

export interface RegisterRequest__Input {
  'registration'?: (_cometmq_v1_Registration__Input | null);
  'changes'?: (_cometmq_v1_TopicChanges__Input | null);
  'beat'?: (_cometmq_v1_RegisterBeat__Input | null);
  'goodbye'?: (_cometmq_v1_Goodbye__Input | null);
  'kind'?: "registration"|"changes"|"beat"|"goodbye";
}

export interface RegisterRequest {
  'registration'?: (_cometmq_v1_Registration | null);
  'changes'?: (_cometmq_v1_TopicChanges | null);
  'beat'?: (_cometmq_v1_RegisterBeat | null);
  'goodbye'?: (_cometmq_v1_Goodbye | null);
  'kind'?: "registration"|"changes"|"beat"|"goodbye";
}
