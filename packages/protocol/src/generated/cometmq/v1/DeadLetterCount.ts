// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface DeadLetterCount__Input {
  'group'?: (string);
  'messages'?: (number | string | Long);
  'oldestStoreTimeMs'?: (number | string | Long);
}

export interface DeadLetterCount {
  'group': (string);
  'messages': (number);
  'oldestStoreTimeMs': (number);
}
