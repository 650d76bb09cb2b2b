// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface MasterChange__Input {
  'epoch'?: (number | string | Long);
  'master'?: (number);
  'previousMaster'?: (number);
  'reason'?: (string);
  'atMs'?: (number | string | Long);
  'hasTimes'?: (boolean);
  'silentMs'?: (number | string | Long);
  'tookMs'?: (number | string | Long);
}

export interface MasterChange {
  'epoch': (number);
  'master': (number);
  'previousMaster': (number);
  'reason': (string);
  'atMs': (number);
  'hasTimes': (boolean);
  'silentMs': (number);
  'tookMs': (number);
}
