// Original file: packages/protocol/proto/cometmq/v1/admin.proto


export interface DeleteGroupRequest__Input {
  'group'?: (string);
  'everywhere'?: (boolean);
  'force'?: (boolean);
}

export interface DeleteGroupRequest {
  'group': (string);
  'everywhere': (boolean);
  'force': (boolean);
}
