// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface EditGroupRequest__Input {
  'group'?: (string);
  'maxAttempts'?: (number);
  'invisibleMs'?: (number | string | Long);
  'retryDelaysMs'?: (number | string | Long)[];
  'paused'?: (string);
  'everywhere'?: (boolean);
}

export interface EditGroupRequest {
  'group': (string);
  'maxAttempts': (number);
  'invisibleMs': (number);
  'retryDelaysMs': (number)[];
  'paused': (string);
  'everywhere': (boolean);
}
