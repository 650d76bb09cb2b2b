// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';
import type { TransactionResolution__Input as _apache_rocketmq_v2_TransactionResolution__Input, TransactionResolution as _apache_rocketmq_v2_TransactionResolution } from '../../../apache/rocketmq/v2/TransactionResolution.ts';
import type { TransactionSource__Input as _apache_rocketmq_v2_TransactionSource__Input, TransactionSource as _apache_rocketmq_v2_TransactionSource } from '../../../apache/rocketmq/v2/TransactionSource.ts';

export interface EndTransactionRequest__Input {
  'topic'?: (_apache_rocketmq_v2_Resource__Input | null);
  'messageId'?: (string);
  'transactionId'?: (string);
  'resolution'?: (_apache_rocketmq_v2_TransactionResolution__Input);
  'source'?: (_apache_rocketmq_v2_TransactionSource__Input);
  'traceContext'?: (string);
}

export interface EndTransactionRequest {
  'topic': (_apache_rocketmq_v2_Resource | null);
  'messageId': (string);
  'transactionId': (string);
  'resolution': (_apache_rocketmq_v2_TransactionResolution);
  'source': (_apache_rocketmq_v2_TransactionSource);
  'traceContext': (string);
}
