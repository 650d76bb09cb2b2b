// Original file: packages/replication/proto/etcd/rpc.proto


export interface WatchProgressRequest__Input {
}

export interface WatchProgressRequest {
}
