// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto


export interface PrintThreadStackTraceCommand__Input {
  'nonce'?: (string);
}

export interface PrintThreadStackTraceCommand {
  'nonce': (string);
}
