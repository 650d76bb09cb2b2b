// Original file: packages/protocol/proto/cometmq/v1/cluster.proto


export interface RegistrationRefused__Input {
  'error'?: (number);
  'message'?: (string);
}

export interface RegistrationRefused {
  'error': (number);
  'message': (string);
}
