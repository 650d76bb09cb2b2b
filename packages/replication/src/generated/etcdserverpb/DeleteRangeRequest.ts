// Original file: packages/replication/proto/etcd/rpc.proto


export interface DeleteRangeRequest__Input {
  'key'?: (Buffer | Uint8Array | string);
}

export interface DeleteRangeRequest {
  'key': (Buffer);
}
