// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface GetMessageRequest__Input {
  'topic'?: (string);
  'queueId'?: (number);
  'offset'?: (number | string | Long);
}

export interface GetMessageRequest {
  'topic': (string);
  'queueId': (number);
  'offset': (number);
}
