// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { Long } from '@grpc/proto-loader';

export interface OverlayOrigin__Input {
  'storeId'?: (string);
  'number'?: (number | string | Long);
}

export interface OverlayOrigin {
  'storeId': (string);
  'number': (number);
}
