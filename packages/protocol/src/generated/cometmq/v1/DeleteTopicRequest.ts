// Original file: packages/protocol/proto/cometmq/v1/admin.proto


export interface DeleteTopicRequest__Input {
  'topic'?: (string);
  'everywhere'?: (boolean);
}

export interface DeleteTopicRequest {
  'topic': (string);
  'everywhere': (boolean);
}
