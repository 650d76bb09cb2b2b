// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { DeadLetterCount__Input as _cometmq_v1_DeadLetterCount__Input, DeadLetterCount as _cometmq_v1_DeadLetterCount } from '../../cometmq/v1/DeadLetterCount.ts';
import type { StoredMessage__Input as _cometmq_v1_StoredMessage__Input, StoredMessage as _cometmq_v1_StoredMessage } from '../../cometmq/v1/StoredMessage.ts';

export interface ListDeadLettersResponse__Input {
  'counts'?: (_cometmq_v1_DeadLetterCount__Input)[];
  'messages'?: (_cometmq_v1_StoredMessage__Input)[];
}

export interface ListDeadLettersResponse {
  'counts': (_cometmq_v1_DeadLetterCount)[];
  'messages': (_cometmq_v1_StoredMessage)[];
}
