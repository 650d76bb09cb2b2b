// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';
import type { Timestamp__Input as _google_protobuf_Timestamp__Input, Timestamp as _google_protobuf_Timestamp } from '../../../google/protobuf/Timestamp.ts';

export interface ListMessageRequest__Input {
  'deploymentName'?: (string);
  'topic'?: (_apache_rocketmq_v2_Resource__Input | null);
  'maxMessageNums'?: (number);
  'beginTimestamp'?: (_google_protobuf_Timestamp__Input | null);
  'endTimestamp'?: (_google_protobuf_Timestamp__Input | null);
  'messageId'?: (string);
  'messageKey'?: (string);
  'subscription'?: (string);
  'scrollId'?: (string);
  'pageNum'?: (number);
  'pageSize'?: (number);
  'brokerName'?: (string);
  'queueId'?: (number);
  'liteTopic'?: (string);
  '_deploymentName'?: "deploymentName";
  'searchKey'?: "messageId"|"messageKey"|"subscription"|"liteTopic";
  '_scrollId'?: "scrollId";
  '_pageNum'?: "pageNum";
  '_pageSize'?: "pageSize";
  '_brokerName'?: "brokerName";
  '_queueId'?: "queueId";
}

export interface ListMessageRequest {
  'deploymentName'?: (string);
  'topic': (_apache_rocketmq_v2_Resource | null);
  'maxMessageNums': (number);
  'beginTimestamp': (_google_protobuf_Timestamp | null);
  'endTimestamp': (_google_protobuf_Timestamp | null);
  'messageId'?: (string);
  'messageKey'?: (string);
  'subscription'?: (string);
  'scrollId'?: (string);
  'pageNum'?: (number);
  'pageSize'?: (number);
  'brokerName'?: (string);
  'queueId'?: (number);
  'liteTopic'?: (string);
  '_deploymentName'?: "deploymentName";
  'searchKey'?: "messageId"|"messageKey"|"subscription"|"liteTopic";
  '_scrollId'?: "scrollId";
  '_pageNum'?: "pageNum";
  '_pageSize'?: "pageSize";
  '_brokerName'?: "brokerName";
  '_queueId'?: "queueId";
}
