// Original file: packages/protocol/proto/cometmq/v1/routes.proto


export interface ForgetBrokerRequest__Input {
  'brokerName'?: (string);
}

export interface ForgetBrokerRequest {
  'brokerName': (string);
}
