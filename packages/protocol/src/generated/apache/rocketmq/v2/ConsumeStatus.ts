// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface ConsumeStatus__Input {
  'receiveRt'?: (number | string);
  'receiveTps'?: (number | string);
  'consumeRt'?: (number | string);
  'consumeOkTps'?: (number | string);
  'consumeFailedTps'?: (number | string);
  'consumeFailedMsgs'?: (number | string | Long);
}

export interface ConsumeStatus {
  'receiveRt': (number);
  'receiveTps': (number);
  'consumeRt': (number);
  'consumeOkTps': (number);
  'consumeFailedTps': (number);
  'consumeFailedMsgs': (number);
}
