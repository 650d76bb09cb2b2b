// Original file: packages/protocol/proto/cometmq/v1/replication.proto

import type { SlaveHello__Input as _cometmq_v1_SlaveHello__Input, SlaveHello as _cometmq_v1_SlaveHello } from '../../cometmq/v1/SlaveHello.ts';
import type { SlaveReady__Input as _cometmq_v1_SlaveReady__Input, SlaveReady as _cometmq_v1_SlaveReady } from '../../cometmq/v1/SlaveReady.ts';
import type { SlaveAck__Input as _cometmq_v1_SlaveAck__Input, SlaveAck as _cometmq_v1_SlaveAck } from '../../cometmq/v1/SlaveAck.ts';
import type { SlaveLeaving__Input as _cometmq_v1_SlaveLeaving__Input, SlaveLeaving as _cometmq_v1_SlaveLeaving } from '../../cometmq/v1/SlaveLeaving.ts';
import type { HandOverWanted__Input as _cometmq_v1_HandOverWanted__Input, HandOverWanted as _cometmq_v1_HandOverWanted } from '../../cometmq/v1/HandOverWanted.ts';
import type { HandOverResult__Input as _cometmq_v1_HandOverResult__Input, HandOverResult as _cometmq_v1_HandOverResult } from '../../cometmq/v1/HandOverResult.ts';

export interface SlaveFrame__Input {
  'hello'?: (_cometmq_v1_SlaveHello__Input | null);
  'ready'?: (_cometmq_v1_SlaveReady__Input | null);
  'ack'?: (_cometmq_v1_SlaveAck__Input | null);
  'leaving'?: (_cometmq_v1_SlaveLeaving__Input | null);
  'handOverWanted'?: (_cometmq_v1_HandOverWanted__Input | null);
  'handOverResult'?: (_cometmq_v1_HandOverResult__Input | null);
  'kind'?: "hello"|"ready"|"ack"|"leaving"|"handOverWanted"|"handOverResult";
}

export interface SlaveFrame {
  'hello'?: (_cometmq_v1_SlaveHello | null);
  'ready'?: (_cometmq_v1_SlaveReady | null);
  'ack'?: (_cometmq_v1_SlaveAck | null);
  'leaving'?: (_cometmq_v1_SlaveLeaving | null);
  'handOverWanted'?: (_cometmq_v1_HandOverWanted | null);
  'handOverResult'?: (_cometmq_v1_HandOverResult | null);
  'kind'?: "hello"|"ready"|"ack"|"leaving"|"handOverWanted"|"handOverResult";
}
