// Original file: packages/protocol/proto/cometmq/v1/replication.proto


export interface HandOverWanted__Input {
}

export interface HandOverWanted {
}
