// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { GroupSpec__Input as _cometmq_v1_GroupSpec__Input, GroupSpec as _cometmq_v1_GroupSpec } from '../../cometmq/v1/GroupSpec.ts';
import type { Long } from '@grpc/proto-loader';

export interface GroupSummary__Input {
  'spec'?: (_cometmq_v1_GroupSpec__Input | null);
  'members'?: (number);
  'backlog'?: (number | string | Long);
  'deadLetters'?: (number | string | Long);
}

export interface GroupSummary {
  'spec': (_cometmq_v1_GroupSpec | null);
  'members': (number);
  'backlog': (number);
  'deadLetters': (number);
}
