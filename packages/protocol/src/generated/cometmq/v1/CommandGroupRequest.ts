// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface CommandGroupRequest__Input {
  'kind'?: (string);
  'memberId'?: (number);
  'timeoutMs'?: (number | string | Long);
  'oldMasterIsDead'?: (boolean);
  'without'?: (number)[];
}

export interface CommandGroupRequest {
  'kind': (string);
  'memberId': (number);
  'timeoutMs': (number);
  'oldMasterIsDead': (boolean);
  'without': (number)[];
}
