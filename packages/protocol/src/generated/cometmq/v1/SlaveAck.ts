// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { Long } from '@grpc/proto-loader';

export interface SlaveAck__Input {
  'epoch'?: (number | string | Long);
  'received'?: (number | string | Long);
  'flushed'?: (number | string | Long);
  'applied'?: (number | string | Long);
  'beat'?: (number | string | Long);
  'freeBytes'?: (number | string | Long);
  'diskFull'?: (boolean);
  'flushStalled'?: (boolean);
  'notElectable'?: (boolean);
}

export interface SlaveAck {
  'epoch': (number);
  'received': (number);
  'flushed': (number);
  'applied': (number);
  'beat': (number);
  'freeBytes': (number);
  'diskFull': (boolean);
  'flushStalled': (boolean);
  'notElectable': (boolean);
}
