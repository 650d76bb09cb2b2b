// Original file: packages/replication/proto/etcd/rpc.proto


export interface RangeRequest__Input {
  'key'?: (Buffer | Uint8Array | string);
  'rangeEnd'?: (Buffer | Uint8Array | string);
}

export interface RangeRequest {
  'key': (Buffer);
  'rangeEnd': (Buffer);
}
