// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto


export interface NotifyUnsubscribeLiteCommand__Input {
  'liteTopic'?: (string);
}

export interface NotifyUnsubscribeLiteCommand {
  'liteTopic': (string);
}
