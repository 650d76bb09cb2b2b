// Original file: packages/protocol/proto/cometmq/v1/admin.proto


export interface ListTopicsRequest__Input {
  'internal'?: (boolean);
}

export interface ListTopicsRequest {
  'internal': (boolean);
}
