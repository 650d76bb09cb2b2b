import type grpc from '@grpc/grpc-js'

const raw = {
  requestSerialize: (bytes: Buffer) => bytes,
  requestDeserialize: (bytes: Buffer) => bytes,
  responseSerialize: (bytes: Buffer) => bytes,
  responseDeserialize: (bytes: Buffer) => bytes,
}

/** Bare byte streams and one bare unary call. */
export const floorService = {
  Publish: { path: '/floor.Floor/Publish', requestStream: true, responseStream: true, ...raw },
  Subscribe: { path: '/floor.Floor/Subscribe', requestStream: true, responseStream: true, ...raw },
  Echo: { path: '/floor.Floor/Echo', requestStream: false, responseStream: false, ...raw },
} satisfies grpc.ServiceDefinition

export const channelOptions: grpc.ChannelOptions = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
}
