// Original file: packages/protocol/proto/cometmq/v1/routes.proto


export interface DescribeClusterRequest__Input {
}

export interface DescribeClusterRequest {
}
