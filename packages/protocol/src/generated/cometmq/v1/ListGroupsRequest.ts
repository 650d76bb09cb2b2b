// Original file: packages/protocol/proto/cometmq/v1/admin.proto


export interface ListGroupsRequest__Input {
}

export interface ListGroupsRequest {
}
