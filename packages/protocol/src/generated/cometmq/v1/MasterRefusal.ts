// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { Long } from '@grpc/proto-loader';

export interface MasterRefusal__Input {
  'reason'?: (string);
  'epoch'?: (number | string | Long);
  'masterId'?: (number);
  'masterAddress'?: (string);
}

export interface MasterRefusal {
  'reason': (string);
  'epoch': (number);
  'masterId': (number);
  'masterAddress': (string);
}
