// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';
import type { MessageQueue__Input as _apache_rocketmq_v2_MessageQueue__Input, MessageQueue as _apache_rocketmq_v2_MessageQueue } from '../../../apache/rocketmq/v2/MessageQueue.ts';
import type { Long } from '@grpc/proto-loader';

export interface _apache_rocketmq_v2_QueryTimeSpanResponse_QueueTimeSpan__Input {
  'messageQueue'?: (_apache_rocketmq_v2_MessageQueue__Input | null);
  'minTimestamp'?: (number | string | Long);
  'maxTimestamp'?: (number | string | Long);
  'consumeTimestamp'?: (number | string | Long);
  'delayTimeMs'?: (number | string | Long);
}

export interface _apache_rocketmq_v2_QueryTimeSpanResponse_QueueTimeSpan {
  'messageQueue': (_apache_rocketmq_v2_MessageQueue | null);
  'minTimestamp': (number);
  'maxTimestamp': (number);
  'consumeTimestamp': (number);
  'delayTimeMs': (number);
}

export interface QueryTimeSpanResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'queueTimeSpanList'?: (_apache_rocketmq_v2_QueryTimeSpanResponse_QueueTimeSpan__Input)[];
}

export interface QueryTimeSpanResponse {
  'status': (_apache_rocketmq_v2_Status | null);
  'queueTimeSpanList': (_apache_rocketmq_v2_QueryTimeSpanResponse_QueueTimeSpan)[];
}
