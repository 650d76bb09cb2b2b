import { type CommitLogOffset, commitLogOffset, type Services } from '@cometmq/protocol'
import type { Transport } from '@cometmq/runtime'
import type { Inspection } from '../frames.ts'
import type { LogState } from '../log-state.ts'

export type InspectMethod = Services['replication']['Inspect']

/** What a member tells of itself to whoever asks. */
export interface Inspected {
  readonly inspection: Inspection
  readonly role: string
  readonly storeId: string
  readonly log: LogState
}

/** Asks another member. Rejects when it does not answer in time. */
export async function inspectMember(
  transport: Transport,
  method: InspectMethod,
  question: {
    readonly address: string
    readonly brokerName: string
    readonly from: number
    readonly epoch: number
    readonly timeoutMs: number
  },
): Promise<Inspection> {
  const { address, brokerName, from, epoch, timeoutMs } = question
  const connection = transport.connect(address)
  try {
    const told = await connection.call(method, { brokerName, from, epoch }, { timeoutMs })
    const { trustedSince, priority, lastRecordEpoch } = told
    return {
      brokerId: told.member?.brokerId ?? 0,
      incarnation: told.member?.incarnation ?? 0,
      trustedSince,
      isObserver: told.observer,
      isElectable: told.electable,
      priority,
      epoch: told.epoch,
      lastRecordEpoch,
      maxOffset: offset(told.maxOffset),
      confirmOffset: offset(told.confirmOffset),
      masterHeardAgoMs: told.hasHeardMaster ? told.masterHeardAgoMs : undefined,
    }
  } finally {
    connection.close()
  }
}

function offset(value: number): CommitLogOffset {
  return commitLogOffset(value)
}
