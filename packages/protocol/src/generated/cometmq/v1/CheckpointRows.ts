// Original file: packages/protocol/proto/cometmq/v1/replication.proto


export interface CheckpointRows__Input {
  'keys'?: (Buffer | Uint8Array | string)[];
  'values'?: (Buffer | Uint8Array | string)[];
}

export interface CheckpointRows {
  'keys': (Buffer)[];
  'values': (Buffer)[];
}
