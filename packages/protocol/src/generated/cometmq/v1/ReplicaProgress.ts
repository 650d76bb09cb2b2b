// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface ReplicaProgress__Input {
  'memberId'?: (number);
  'inSync'?: (boolean);
  'connected'?: (boolean);
  'lagBytes'?: (number | string | Long);
  'heardAgoMs'?: (number | string | Long);
}

export interface ReplicaProgress {
  'memberId': (number);
  'inSync': (boolean);
  'connected': (boolean);
  'lagBytes': (number);
  'heardAgoMs': (number);
}
