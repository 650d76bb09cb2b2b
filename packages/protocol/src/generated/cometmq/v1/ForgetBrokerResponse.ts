// Original file: packages/protocol/proto/cometmq/v1/routes.proto


export interface ForgetBrokerResponse__Input {
}

export interface ForgetBrokerResponse {
}
