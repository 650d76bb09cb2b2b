// Original file: packages/protocol/proto/cometmq/v1/cluster.proto


export interface Goodbye__Input {
}

export interface Goodbye {
}
