// Original file: packages/protocol/proto/cometmq/v1/admin.proto


export interface DescribeTopicRequest__Input {
  'topic'?: (string);
}

export interface DescribeTopicRequest {
  'topic': (string);
}
