// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';
import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';
import type { Long } from '@grpc/proto-loader';

export interface _apache_rocketmq_v2_DescribeGroupAccumulationResponse_GroupAccumulation__Input {
  'inflightMessages'?: (number | string | Long);
  'readyMessages'?: (number | string | Long);
  'accumulation'?: (number | string | Long);
  'deliverDelayTime'?: (_google_protobuf_Duration__Input | null);
  'lastConsumeTimestamp'?: (number | string | Long);
}

export interface _apache_rocketmq_v2_DescribeGroupAccumulationResponse_GroupAccumulation {
  'inflightMessages': (number);
  'readyMessages': (number);
  'accumulation': (number);
  'deliverDelayTime': (_google_protobuf_Duration | null);
  'lastConsumeTimestamp': (number);
}

export interface DescribeGroupAccumulationResponse__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'accumulation'?: (_apache_rocketmq_v2_DescribeGroupAccumulationResponse_GroupAccumulation__Input | null);
  'topicAccumulation'?: ({[key: string]: _apache_rocketmq_v2_DescribeGroupAccumulationResponse_GroupAccumulation__Input});
  'liteTopicAccumulation'?: ({[key: string]: _apache_rocketmq_v2_DescribeGroupAccumulationResponse_GroupAccumulation__Input});
}

export interface DescribeGroupAccumulationResponse {
  'status': (_apache_rocketmq_v2_Status | null);
  'accumulation': (_apache_rocketmq_v2_DescribeGroupAccumulationResponse_GroupAccumulation | null);
  'topicAccumulation': ({[key: string]: _apache_rocketmq_v2_DescribeGroupAccumulationResponse_GroupAccumulation});
  'liteTopicAccumulation': ({[key: string]: _apache_rocketmq_v2_DescribeGroupAccumulationResponse_GroupAccumulation});
}
