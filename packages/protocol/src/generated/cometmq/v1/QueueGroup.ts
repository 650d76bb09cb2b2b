// Original file: packages/protocol/proto/cometmq/v1/routes.proto


export interface QueueGroup__Input {
  'brokerName'?: (string);
  'queueCount'?: (number);
  'readable'?: (boolean);
  'writable'?: (boolean);
}

export interface QueueGroup {
  'brokerName': (string);
  'queueCount': (number);
  'readable': (boolean);
  'writable': (boolean);
}
