// Original file: packages/protocol/proto/cometmq/v1/replication.proto


export interface TakeOverlayRequest__Input {
  'cluster'?: (string);
  'brokerName'?: (string);
}

export interface TakeOverlayRequest {
  'cluster': (string);
  'brokerName': (string);
}
