// Original file: packages/protocol/proto/cometmq/v1/routes.proto


export interface ForgetBrokerResponse__Input {
  'wasKnown'?: (boolean);
}

export interface ForgetBrokerResponse {
  'wasKnown': (boolean);
}
