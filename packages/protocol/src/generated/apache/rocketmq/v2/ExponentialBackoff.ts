// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';

export interface ExponentialBackoff__Input {
  'initial'?: (_google_protobuf_Duration__Input | null);
  'max'?: (_google_protobuf_Duration__Input | null);
  'multiplier'?: (number | string);
}

export interface ExponentialBackoff {
  'initial': (_google_protobuf_Duration | null);
  'max': (_google_protobuf_Duration | null);
  'multiplier': (number);
}
