// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';
import type { Long } from '@grpc/proto-loader';

export interface SendResultEntry__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'messageId'?: (string);
  'transactionId'?: (string);
  'offset'?: (number | string | Long);
  'recallHandle'?: (string);
}

export interface SendResultEntry {
  'status': (_apache_rocketmq_v2_Status | null);
  'messageId': (string);
  'transactionId': (string);
  'offset': (number);
  'recallHandle': (string);
}
