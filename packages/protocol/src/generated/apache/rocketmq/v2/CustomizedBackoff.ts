// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';

export interface CustomizedBackoff__Input {
  'next'?: (_google_protobuf_Duration__Input)[];
}

export interface CustomizedBackoff {
  'next': (_google_protobuf_Duration)[];
}
