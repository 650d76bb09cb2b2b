// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface Backlog__Input {
  'topic'?: (string);
  'queueId'?: (number);
  'ready'?: (number | string | Long);
  'inFlight'?: (number | string | Long);
  'delayed'?: (number | string | Long);
  'backlog'?: (number | string | Long);
  'doneBelow'?: (number | string | Long);
  'minOffset'?: (number | string | Long);
  'maxOffset'?: (number | string | Long);
  'oldestAgeMs'?: (number | string | Long);
}

export interface Backlog {
  'topic': (string);
  'queueId': (number);
  'ready': (number);
  'inFlight': (number);
  'delayed': (number);
  'backlog': (number);
  'doneBelow': (number);
  'minOffset': (number);
  'maxOffset': (number);
  'oldestAgeMs': (number);
}
