// Original file: packages/protocol/proto/cometmq/v1/routes.proto


export interface ListenerAddress__Input {
  'listener'?: (string);
  'address'?: (string);
}

export interface ListenerAddress {
  'listener': (string);
  'address': (string);
}
