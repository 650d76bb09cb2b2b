// Original file: packages/protocol/proto/cometmq/v1/admin.proto


export interface DescribeReplicasRequest__Input {
}

export interface DescribeReplicasRequest {
}
