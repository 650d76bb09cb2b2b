// Original file: packages/protocol/proto/cometmq/v1/admin.proto


export interface DescribeBrokerRequest__Input {
}

export interface DescribeBrokerRequest {
}
