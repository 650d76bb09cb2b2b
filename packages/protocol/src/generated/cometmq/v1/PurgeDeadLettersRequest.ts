// Original file: packages/protocol/proto/cometmq/v1/admin.proto


export interface PurgeDeadLettersRequest__Input {
  'group'?: (string);
  'everywhere'?: (boolean);
}

export interface PurgeDeadLettersRequest {
  'group': (string);
  'everywhere': (boolean);
}
