// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { MessageModel__Input as _apache_rocketmq_v2_MessageModel__Input, MessageModel as _apache_rocketmq_v2_MessageModel } from '../../../apache/rocketmq/v2/MessageModel.ts';

export interface ClientInfo__Input {
  'clientId'?: (string);
  'version'?: (string);
  'language'?: (string);
  'hostname'?: (string);
  'egressIp'?: (string);
  'messageModel'?: (_apache_rocketmq_v2_MessageModel__Input);
}

export interface ClientInfo {
  'clientId': (string);
  'version': (string);
  'language': (string);
  'hostname': (string);
  'egressIp': (string);
  'messageModel': (_apache_rocketmq_v2_MessageModel);
}
