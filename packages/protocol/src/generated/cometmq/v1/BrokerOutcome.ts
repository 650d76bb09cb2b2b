// Original file: packages/protocol/proto/cometmq/v1/admin.proto


export interface BrokerOutcome__Input {
  'brokerName'?: (string);
  'error'?: (number);
  'message'?: (string);
  'changed'?: (boolean);
}

export interface BrokerOutcome {
  'brokerName': (string);
  'error': (number);
  'message': (string);
  'changed': (boolean);
}
