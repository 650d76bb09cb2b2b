// Original file: packages/protocol/proto/cometmq/v1/admin.proto


export interface TopicFilterSpec__Input {
  'topic'?: (string);
  'filter'?: (string);
  'sql'?: (string);
}

export interface TopicFilterSpec {
  'topic': (string);
  'filter': (string);
  'sql': (string);
}
