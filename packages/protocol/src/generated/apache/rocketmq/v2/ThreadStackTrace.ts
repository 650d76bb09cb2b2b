// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto


export interface ThreadStackTrace__Input {
  'nonce'?: (string);
  'threadStackTrace'?: (string);
  '_threadStackTrace'?: "threadStackTrace";
}

export interface ThreadStackTrace {
  'nonce': (string);
  'threadStackTrace'?: (string);
  '_threadStackTrace'?: "threadStackTrace";
}
