// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { GroupSummary__Input as _cometmq_v1_GroupSummary__Input, GroupSummary as _cometmq_v1_GroupSummary } from '../../cometmq/v1/GroupSummary.ts';

export interface ListGroupsResponse__Input {
  'groups'?: (_cometmq_v1_GroupSummary__Input)[];
}

export interface ListGroupsResponse {
  'groups': (_cometmq_v1_GroupSummary)[];
}
