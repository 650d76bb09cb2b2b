// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { GroupSpec__Input as _cometmq_v1_GroupSpec__Input, GroupSpec as _cometmq_v1_GroupSpec } from '../../cometmq/v1/GroupSpec.ts';
import type { MemberDescription__Input as _cometmq_v1_MemberDescription__Input, MemberDescription as _cometmq_v1_MemberDescription } from '../../cometmq/v1/MemberDescription.ts';
import type { Backlog__Input as _cometmq_v1_Backlog__Input, Backlog as _cometmq_v1_Backlog } from '../../cometmq/v1/Backlog.ts';
import type { Long } from '@grpc/proto-loader';

export interface GroupDescription__Input {
  'spec'?: (_cometmq_v1_GroupSpec__Input | null);
  'brokerName'?: (string);
  'members'?: (_cometmq_v1_MemberDescription__Input)[];
  'queues'?: (_cometmq_v1_Backlog__Input)[];
  'deadLetters'?: (number | string | Long);
  'epoch'?: (number | string | Long);
}

export interface GroupDescription {
  'spec': (_cometmq_v1_GroupSpec | null);
  'brokerName': (string);
  'members': (_cometmq_v1_MemberDescription)[];
  'queues': (_cometmq_v1_Backlog)[];
  'deadLetters': (number);
  'epoch': (number);
}
