// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { AppointmentLoss__Input as _cometmq_v1_AppointmentLoss__Input, AppointmentLoss as _cometmq_v1_AppointmentLoss } from '../../cometmq/v1/AppointmentLoss.ts';
import type { Long } from '@grpc/proto-loader';

export interface Appointment__Input {
  'epoch'?: (number | string | Long);
  'master'?: (number);
  'by'?: (string);
  'loss'?: (_cometmq_v1_AppointmentLoss__Input | null);
}

export interface Appointment {
  'epoch': (number);
  'master': (number);
  'by': (string);
  'loss': (_cometmq_v1_AppointmentLoss | null);
}
