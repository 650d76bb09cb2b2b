// Original file: packages/protocol/proto/cometmq/v1/replication.proto


export interface OverlayEnd__Input {
}

export interface OverlayEnd {
}
