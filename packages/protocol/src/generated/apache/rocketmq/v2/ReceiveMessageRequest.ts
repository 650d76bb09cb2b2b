// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';
import type { MessageQueue__Input as _apache_rocketmq_v2_MessageQueue__Input, MessageQueue as _apache_rocketmq_v2_MessageQueue } from '../../../apache/rocketmq/v2/MessageQueue.ts';
import type { FilterExpression__Input as _apache_rocketmq_v2_FilterExpression__Input, FilterExpression as _apache_rocketmq_v2_FilterExpression } from '../../../apache/rocketmq/v2/FilterExpression.ts';
import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';

export interface ReceiveMessageRequest__Input {
  'group'?: (_apache_rocketmq_v2_Resource__Input | null);
  'messageQueue'?: (_apache_rocketmq_v2_MessageQueue__Input | null);
  'filterExpression'?: (_apache_rocketmq_v2_FilterExpression__Input | null);
  'batchSize'?: (number);
  'invisibleDuration'?: (_google_protobuf_Duration__Input | null);
  'autoRenew'?: (boolean);
  'longPollingTimeout'?: (_google_protobuf_Duration__Input | null);
  'attemptId'?: (string);
  '_invisibleDuration'?: "invisibleDuration";
  '_longPollingTimeout'?: "longPollingTimeout";
  '_attemptId'?: "attemptId";
}

export interface ReceiveMessageRequest {
  'group': (_apache_rocketmq_v2_Resource | null);
  'messageQueue': (_apache_rocketmq_v2_MessageQueue | null);
  'filterExpression': (_apache_rocketmq_v2_FilterExpression | null);
  'batchSize': (number);
  'invisibleDuration'?: (_google_protobuf_Duration | null);
  'autoRenew': (boolean);
  'longPollingTimeout'?: (_google_protobuf_Duration | null);
  'attemptId'?: (string);
  '_invisibleDuration'?: "invisibleDuration";
  '_longPollingTimeout'?: "longPollingTimeout";
  '_attemptId'?: "attemptId";
}
