import type grpc from '@grpc/grpc-js'
/** Bare byte streams and one bare unary call. */
export declare const floorService: {
  Publish: {
    requestSerialize: (bytes: Buffer) => Buffer<ArrayBufferLike>
    requestDeserialize: (bytes: Buffer) => Buffer<ArrayBufferLike>
    responseSerialize: (bytes: Buffer) => Buffer<ArrayBufferLike>
    responseDeserialize: (bytes: Buffer) => Buffer<ArrayBufferLike>
    path: string
    requestStream: true
    responseStream: true
  }
  Subscribe: {
    requestSerialize: (bytes: Buffer) => Buffer<ArrayBufferLike>
    requestDeserialize: (bytes: Buffer) => Buffer<ArrayBufferLike>
    responseSerialize: (bytes: Buffer) => Buffer<ArrayBufferLike>
    responseDeserialize: (bytes: Buffer) => Buffer<ArrayBufferLike>
    path: string
    requestStream: true
    responseStream: true
  }
  Echo: {
    requestSerialize: (bytes: Buffer) => Buffer<ArrayBufferLike>
    requestDeserialize: (bytes: Buffer) => Buffer<ArrayBufferLike>
    responseSerialize: (bytes: Buffer) => Buffer<ArrayBufferLike>
    responseDeserialize: (bytes: Buffer) => Buffer<ArrayBufferLike>
    path: string
    requestStream: false
    responseStream: false
  }
}
export declare const channelOptions: grpc.ChannelOptions
//# sourceMappingURL=floor-protocol.d.ts.map
