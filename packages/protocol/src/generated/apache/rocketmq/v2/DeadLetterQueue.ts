// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto


export interface DeadLetterQueue__Input {
  'topic'?: (string);
  'messageId'?: (string);
}

export interface DeadLetterQueue {
  'topic': (string);
  'messageId': (string);
}
