// Original file: packages/protocol/proto/cometmq/v1/replication.proto


export interface CheckpointEnd__Input {
}

export interface CheckpointEnd {
}
