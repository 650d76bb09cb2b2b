// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { MethodDefinition } from '@grpc/proto-loader'
import type { AppointRequest__Input as _cometmq_v1_AppointRequest__Input, AppointRequest as _cometmq_v1_AppointRequest } from '../../cometmq/v1/AppointRequest.ts';
import type { CheckpointPart__Input as _cometmq_v1_CheckpointPart__Input, CheckpointPart as _cometmq_v1_CheckpointPart } from '../../cometmq/v1/CheckpointPart.ts';
import type { CheckpointRequest__Input as _cometmq_v1_CheckpointRequest__Input, CheckpointRequest as _cometmq_v1_CheckpointRequest } from '../../cometmq/v1/CheckpointRequest.ts';
import type { InspectRequest__Input as _cometmq_v1_InspectRequest__Input, InspectRequest as _cometmq_v1_InspectRequest } from '../../cometmq/v1/InspectRequest.ts';
import type { Inspection__Input as _cometmq_v1_Inspection__Input, Inspection as _cometmq_v1_Inspection } from '../../cometmq/v1/Inspection.ts';
import type { MasterFrame__Input as _cometmq_v1_MasterFrame__Input, MasterFrame as _cometmq_v1_MasterFrame } from '../../cometmq/v1/MasterFrame.ts';
import type { OverlayPart__Input as _cometmq_v1_OverlayPart__Input, OverlayPart as _cometmq_v1_OverlayPart } from '../../cometmq/v1/OverlayPart.ts';
import type { SlaveFrame__Input as _cometmq_v1_SlaveFrame__Input, SlaveFrame as _cometmq_v1_SlaveFrame } from '../../cometmq/v1/SlaveFrame.ts';
import type { TakeOverlayRequest__Input as _cometmq_v1_TakeOverlayRequest__Input, TakeOverlayRequest as _cometmq_v1_TakeOverlayRequest } from '../../cometmq/v1/TakeOverlayRequest.ts';

export interface ReplicationDefinition {
  Appoint: MethodDefinition<_cometmq_v1_AppointRequest__Input, _cometmq_v1_Inspection__Input, _cometmq_v1_AppointRequest, _cometmq_v1_Inspection>
  Checkpoint: MethodDefinition<_cometmq_v1_CheckpointRequest__Input, _cometmq_v1_CheckpointPart__Input, _cometmq_v1_CheckpointRequest, _cometmq_v1_CheckpointPart>
  Follow: MethodDefinition<_cometmq_v1_SlaveFrame__Input, _cometmq_v1_MasterFrame__Input, _cometmq_v1_SlaveFrame, _cometmq_v1_MasterFrame>
  Inspect: MethodDefinition<_cometmq_v1_InspectRequest__Input, _cometmq_v1_Inspection__Input, _cometmq_v1_InspectRequest, _cometmq_v1_Inspection>
  TakeOverlay: MethodDefinition<_cometmq_v1_TakeOverlayRequest__Input, _cometmq_v1_OverlayPart__Input, _cometmq_v1_TakeOverlayRequest, _cometmq_v1_OverlayPart>
}
