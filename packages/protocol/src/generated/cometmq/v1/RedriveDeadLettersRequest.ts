// Original file: packages/protocol/proto/cometmq/v1/admin.proto


export interface RedriveDeadLettersRequest__Input {
  'group'?: (string);
  'maxMessages'?: (number);
  'everywhere'?: (boolean);
}

export interface RedriveDeadLettersRequest {
  'group': (string);
  'maxMessages': (number);
  'everywhere': (boolean);
}
