// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto


export interface VerifyMessageResult__Input {
  'nonce'?: (string);
}

export interface VerifyMessageResult {
  'nonce': (string);
}
