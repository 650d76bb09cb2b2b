// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { Appointment__Input as _cometmq_v1_Appointment__Input, Appointment as _cometmq_v1_Appointment } from '../../cometmq/v1/Appointment.ts';

export interface AppointRequest__Input {
  'cluster'?: (string);
  'brokerName'?: (string);
  'appointment'?: (_cometmq_v1_Appointment__Input | null);
}

export interface AppointRequest {
  'cluster': (string);
  'brokerName': (string);
  'appointment': (_cometmq_v1_Appointment | null);
}
