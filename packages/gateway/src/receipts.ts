import type { Status__Input } from '@cometmq/protocol/rocketmq'
import { invalidHandle, type ReceiptHandle } from './handles.ts'
import type { ReceiptOutcome } from './ports.ts'
import { OK, status } from './status.ts'

/** The handle, if it is one of the group and topic that the call is about. */
export function checkHandle(
  handle: ReceiptHandle,
  { group, topic }: { readonly group: string; readonly topic: string },
): ReceiptHandle {
  if (handle.group !== group) throw invalidHandle(`it is of group "${handle.group}"`)
  if (handle.topic !== topic) throw invalidHandle(`it is of topic "${handle.topic}"`)
  return handle
}

export function outcomeStatus(outcome: ReceiptOutcome): Status__Input {
  if (outcome.kind !== 'lost') return OK
  return status('INVALID_RECEIPT_HANDLE', 'the message has been delivered anew since')
}
