// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto


export interface GetProxyRuntimeStatsRequest__Input {
}

export interface GetProxyRuntimeStatsRequest {
}
