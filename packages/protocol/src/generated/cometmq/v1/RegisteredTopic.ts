// Original file: packages/protocol/proto/cometmq/v1/cluster.proto


export interface RegisteredTopic__Input {
  'topic'?: (string);
  'type'?: (string);
  'queueCount'?: (number);
  'readable'?: (boolean);
  'writable'?: (boolean);
}

export interface RegisteredTopic {
  'topic': (string);
  'type': (string);
  'queueCount': (number);
  'readable': (boolean);
  'writable': (boolean);
}
