// Original file: packages/protocol/proto/cometmq/v1/cluster.proto

import type { Long } from '@grpc/proto-loader';

export interface RegisterBeat__Input {
  'number'?: (number | string | Long);
}

export interface RegisterBeat {
  'number': (number);
}
