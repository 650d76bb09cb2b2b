// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto


export interface AckMessageEntry__Input {
  'messageId'?: (string);
  'receiptHandle'?: (string);
  'liteTopic'?: (string);
  '_liteTopic'?: "liteTopic";
}

export interface AckMessageEntry {
  'messageId': (string);
  'receiptHandle': (string);
  'liteTopic'?: (string);
  '_liteTopic'?: "liteTopic";
}
