// Original file: packages/protocol/proto/cometmq/v1/admin.proto


export interface CreateTopicRequest__Input {
  'topic'?: (string);
  'type'?: (string);
  'queueCount'?: (number);
  'flush'?: (string);
  'replicas'?: (string);
  'everywhere'?: (boolean);
  'onFirstSend'?: (boolean);
}

export interface CreateTopicRequest {
  'topic': (string);
  'type': (string);
  'queueCount': (number);
  'flush': (string);
  'replicas': (string);
  'everywhere': (boolean);
  'onFirstSend': (boolean);
}
