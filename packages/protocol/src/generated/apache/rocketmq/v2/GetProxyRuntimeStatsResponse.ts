// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';
import type { Long } from '@grpc/proto-loader';

export interface GetProxyRuntimeStatsResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'proxyName'?: (string);
  'version'?: (string);
  'inTps'?: (number | string);
  'outTps'?: (number | string);
  'connections'?: (number | string | Long);
  'producers'?: (number | string | Long);
  'consumers'?: (number | string | Long);
}

export interface GetProxyRuntimeStatsResponse {
  'status': (_apache_rocketmq_v2_Status | null);
  'proxyName': (string);
  'version': (string);
  'inTps': (number);
  'outTps': (number);
  'connections': (number);
  'producers': (number);
  'consumers': (number);
}
