// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface ListDeadLettersRequest__Input {
  'group'?: (string);
  'maxMessages'?: (number);
  'fromOffset'?: (number | string | Long);
}

export interface ListDeadLettersRequest {
  'group': (string);
  'maxMessages': (number);
  'fromOffset': (number);
}
