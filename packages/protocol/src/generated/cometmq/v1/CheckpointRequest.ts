// Original file: packages/protocol/proto/cometmq/v1/replication.proto


export interface CheckpointRequest__Input {
  'cluster'?: (string);
  'brokerName'?: (string);
}

export interface CheckpointRequest {
  'cluster': (string);
  'brokerName': (string);
}
