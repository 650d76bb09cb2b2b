// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { Long } from '@grpc/proto-loader';

export interface MemberDurable__Input {
  'brokerId'?: (number);
  'durable'?: (number | string | Long);
}

export interface MemberDurable {
  'brokerId': (number);
  'durable': (number);
}
