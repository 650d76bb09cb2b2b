// Original file: packages/protocol/proto/cometmq/v1/routes.proto


export interface WatchRequest__Input {
  'topics'?: (string)[];
  'allTopics'?: (boolean);
}

export interface WatchRequest {
  'topics': (string)[];
  'allTopics': (boolean);
}
