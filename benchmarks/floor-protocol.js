const raw = {
  requestSerialize: (bytes) => bytes,
  requestDeserialize: (bytes) => bytes,
  responseSerialize: (bytes) => bytes,
  responseDeserialize: (bytes) => bytes,
}
/** Bare byte streams and one bare unary call. */
export const floorService = {
  Publish: { path: '/floor.Floor/Publish', requestStream: true, responseStream: true, ...raw },
  Subscribe: { path: '/floor.Floor/Subscribe', requestStream: true, responseStream: true, ...raw },
  Echo: { path: '/floor.Floor/Echo', requestStream: false, responseStream: false, ...raw },
}
export const channelOptions = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
}
//# sourceMappingURL=floor-protocol.js.map
