// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { Long } from '@grpc/proto-loader';

export interface AppointmentLoss__Input {
  'epoch'?: (number | string | Long);
  'keptTo'?: (number | string | Long);
  'confirmedTo'?: (number | string | Long);
}

export interface AppointmentLoss {
  'epoch': (number);
  'keptTo': (number);
  'confirmedTo': (number);
}
