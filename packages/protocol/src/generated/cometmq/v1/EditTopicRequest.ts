// Original file: packages/protocol/proto/cometmq/v1/admin.proto


export interface EditTopicRequest__Input {
  'topic'?: (string);
  'queueCount'?: (number);
  'flush'?: (string);
  'replicas'?: (string);
  'readable'?: (string);
  'writable'?: (string);
  'everywhere'?: (boolean);
}

export interface EditTopicRequest {
  'topic': (string);
  'queueCount': (number);
  'flush': (string);
  'replicas': (string);
  'readable': (string);
  'writable': (string);
  'everywhere': (boolean);
}
