// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto


export interface ReconnectEndpointsCommand__Input {
  'nonce'?: (string);
}

export interface ReconnectEndpointsCommand {
  'nonce': (string);
}
