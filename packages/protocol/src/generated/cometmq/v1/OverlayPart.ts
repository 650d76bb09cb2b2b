// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { OverlayOrigin__Input as _cometmq_v1_OverlayOrigin__Input, OverlayOrigin as _cometmq_v1_OverlayOrigin } from '../../cometmq/v1/OverlayOrigin.ts';
import type { OverlayEnd__Input as _cometmq_v1_OverlayEnd__Input, OverlayEnd as _cometmq_v1_OverlayEnd } from '../../cometmq/v1/OverlayEnd.ts';

export interface OverlayPart__Input {
  'origin'?: (_cometmq_v1_OverlayOrigin__Input | null);
  'changes'?: (Buffer | Uint8Array | string);
  'end'?: (_cometmq_v1_OverlayEnd__Input | null);
  'kind'?: "origin"|"changes"|"end";
}

export interface OverlayPart {
  'origin'?: (_cometmq_v1_OverlayOrigin | null);
  'changes'?: (Buffer);
  'end'?: (_cometmq_v1_OverlayEnd | null);
  'kind'?: "origin"|"changes"|"end";
}
