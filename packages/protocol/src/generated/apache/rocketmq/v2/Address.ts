// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto


export interface Address__Input {
  'host'?: (string);
  'port'?: (number);
}

export interface Address {
  'host': (string);
  'port': (number);
}
