// Original file: packages/protocol/proto/cometmq/v1/admin.proto


export interface DescribeGroupRequest__Input {
  'group'?: (string);
}

export interface DescribeGroupRequest {
  'group': (string);
}
