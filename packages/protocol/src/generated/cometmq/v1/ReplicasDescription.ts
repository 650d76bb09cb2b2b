// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { Replica__Input as _cometmq_v1_Replica__Input, Replica as _cometmq_v1_Replica } from '../../cometmq/v1/Replica.ts';
import type { EpochDescription__Input as _cometmq_v1_EpochDescription__Input, EpochDescription as _cometmq_v1_EpochDescription } from '../../cometmq/v1/EpochDescription.ts';
import type { Long } from '@grpc/proto-loader';

export interface ReplicasDescription__Input {
  'brokerName'?: (string);
  'answeredBy'?: (number);
  'epoch'?: (number | string | Long);
  'master'?: (number);
  'reason'?: (string);
  'minInSync'?: (number);
  'groupMembers'?: (number);
  'replicas'?: (_cometmq_v1_Replica__Input)[];
  'epochs'?: (_cometmq_v1_EpochDescription__Input)[];
  'possibleLoss'?: (string);
  'pendingCommand'?: (string);
}

export interface ReplicasDescription {
  'brokerName': (string);
  'answeredBy': (number);
  'epoch': (number);
  'master': (number);
  'reason': (string);
  'minInSync': (number);
  'groupMembers': (number);
  'replicas': (_cometmq_v1_Replica)[];
  'epochs': (_cometmq_v1_EpochDescription)[];
  'possibleLoss': (string);
  'pendingCommand': (string);
}
