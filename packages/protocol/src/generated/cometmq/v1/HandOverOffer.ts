// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { Long } from '@grpc/proto-loader';

export interface HandOverOffer__Input {
  'end'?: (number | string | Long);
  'stateRevision'?: (number | string | Long);
  'resigned'?: (boolean);
  'leaves'?: (boolean);
}

export interface HandOverOffer {
  'end': (number);
  'stateRevision': (number);
  'resigned': (boolean);
  'leaves': (boolean);
}
