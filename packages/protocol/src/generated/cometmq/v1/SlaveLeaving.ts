// Original file: packages/protocol/proto/cometmq/v1/replication.proto


export interface SlaveLeaving__Input {
  'reason'?: (string);
}

export interface SlaveLeaving {
  'reason': (string);
}
