// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Message__Input as _apache_rocketmq_v2_Message__Input, Message as _apache_rocketmq_v2_Message } from '../../../apache/rocketmq/v2/Message.ts';

export interface VerifyMessageCommand__Input {
  'nonce'?: (string);
  'message'?: (_apache_rocketmq_v2_Message__Input | null);
}

export interface VerifyMessageCommand {
  'nonce': (string);
  'message': (_apache_rocketmq_v2_Message | null);
}
