// Original file: packages/protocol/proto/cometmq/v1/cluster.proto

import type { Registered__Input as _cometmq_v1_Registered__Input, Registered as _cometmq_v1_Registered } from '../../cometmq/v1/Registered.ts';
import type { RegistrationRefused__Input as _cometmq_v1_RegistrationRefused__Input, RegistrationRefused as _cometmq_v1_RegistrationRefused } from '../../cometmq/v1/RegistrationRefused.ts';
import type { BeatAnswer__Input as _cometmq_v1_BeatAnswer__Input, BeatAnswer as _cometmq_v1_BeatAnswer } from '../../cometmq/v1/BeatAnswer.ts';

export interface RegisterResponse__Input {
  'registered'?: (_cometmq_v1_Registered__Input | null);
  'refused'?: (_cometmq_v1_RegistrationRefused__Input | null);
  'beat'?: (_cometmq_v1_BeatAnswer__Input | null);
  'kind'?: "registered"|"refused"|"beat";
}

export interface RegisterResponse {
  'registered'?: (_cometmq_v1_Registered | null);
  'refused'?: (_cometmq_v1_RegistrationRefused | null);
  'beat'?: (_cometmq_v1_BeatAnswer | null);
  'kind'?: "registered"|"refused"|"beat";
}
