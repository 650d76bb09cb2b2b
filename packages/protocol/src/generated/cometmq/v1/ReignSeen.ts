// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { Long } from '@grpc/proto-loader';

export interface ReignSeen__Input {
  'epoch'?: (number | string | Long);
  'master'?: (number);
  'reason'?: (string);
  'atMs'?: (number | string | Long);
}

export interface ReignSeen {
  'epoch': (number);
  'master': (number);
  'reason': (string);
  'atMs': (number);
}
