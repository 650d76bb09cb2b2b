// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { Long } from '@grpc/proto-loader';

export interface SlaveReady__Input {
  'next'?: (number | string | Long);
  'flushed'?: (number | string | Long);
  'tailChecksum'?: (number);
}

export interface SlaveReady {
  'next': (number);
  'flushed': (number);
  'tailChecksum': (number);
}
