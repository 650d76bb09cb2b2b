// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';
import type { ClientInfo__Input as _apache_rocketmq_v2_ClientInfo__Input, ClientInfo as _apache_rocketmq_v2_ClientInfo } from '../../../apache/rocketmq/v2/ClientInfo.ts';

export interface ListConsumerConnectionResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'clientInfo'?: (_apache_rocketmq_v2_ClientInfo__Input)[];
}

export interface ListConsumerConnectionResponse {
  'status': (_apache_rocketmq_v2_Status | null);
  'clientInfo': (_apache_rocketmq_v2_ClientInfo)[];
}
