// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Message__Input as _apache_rocketmq_v2_Message__Input, Message as _apache_rocketmq_v2_Message } from '../../../apache/rocketmq/v2/Message.ts';

export interface RecoverOrphanedTransactionCommand__Input {
  'message'?: (_apache_rocketmq_v2_Message__Input | null);
  'transactionId'?: (string);
}

export interface RecoverOrphanedTransactionCommand {
  'message': (_apache_rocketmq_v2_Message | null);
  'transactionId': (string);
}
