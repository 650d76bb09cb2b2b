// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface Replica__Input {
  'memberId'?: (number);
  'role'?: (string);
  'address'?: (string);
  'epoch'?: (number | string | Long);
  'maxOffset'?: (number | string | Long);
  'flushedOffset'?: (number | string | Long);
  'confirmOffset'?: (number | string | Long);
  'inSync'?: (boolean);
  'trusted'?: (boolean);
  'observer'?: (boolean);
  'alive'?: (boolean);
  'hasLag'?: (boolean);
  'lagBytes'?: (number | string | Long);
  'hasHeard'?: (boolean);
  'heardAgoMs'?: (number | string | Long);
  'error'?: (string);
  'storeId'?: (string);
  'incarnation'?: (number | string | Long);
  'standsIn'?: (boolean);
}

export interface Replica {
  'memberId': (number);
  'role': (string);
  'address': (string);
  'epoch': (number);
  'maxOffset': (number);
  'flushedOffset': (number);
  'confirmOffset': (number);
  'inSync': (boolean);
  'trusted': (boolean);
  'observer': (boolean);
  'alive': (boolean);
  'hasLag': (boolean);
  'lagBytes': (number);
  'hasHeard': (boolean);
  'heardAgoMs': (number);
  'error': (string);
  'storeId': (string);
  'incarnation': (number);
  'standsIn': (boolean);
}
