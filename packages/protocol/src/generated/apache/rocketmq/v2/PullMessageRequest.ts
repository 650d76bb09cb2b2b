// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';
import type { MessageQueue__Input as _apache_rocketmq_v2_MessageQueue__Input, MessageQueue as _apache_rocketmq_v2_MessageQueue } from '../../../apache/rocketmq/v2/MessageQueue.ts';
import type { FilterExpression__Input as _apache_rocketmq_v2_FilterExpression__Input, FilterExpression as _apache_rocketmq_v2_FilterExpression } from '../../../apache/rocketmq/v2/FilterExpression.ts';
import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';
import type { Long } from '@grpc/proto-loader';

export interface PullMessageRequest__Input {
  'group'?: (_apache_rocketmq_v2_Resource__Input | null);
  'messageQueue'?: (_apache_rocketmq_v2_MessageQueue__Input | null);
  'offset'?: (number | string | Long);
  'batchSize'?: (number);
  'filterExpression'?: (_apache_rocketmq_v2_FilterExpression__Input | null);
  'longPollingTimeout'?: (_google_protobuf_Duration__Input | null);
}

export interface PullMessageRequest {
  'group': (_apache_rocketmq_v2_Resource | null);
  'messageQueue': (_apache_rocketmq_v2_MessageQueue | null);
  'offset': (number);
  'batchSize': (number);
  'filterExpression': (_apache_rocketmq_v2_FilterExpression | null);
  'longPollingTimeout': (_google_protobuf_Duration | null);
}
