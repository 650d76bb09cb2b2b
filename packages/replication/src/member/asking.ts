import {
  type CommitLogOffset,
  commitLogOffset,
  type Inspection as InspectionAnswer,
  type Services,
} from '@cometmq/protocol'
import type { Transport } from '@cometmq/runtime'
import type { Inspection } from '../frames.ts'
import type { LogState } from '../log-state.ts'
import { appointmentAnswer } from '../static/appointment.ts'
import type { InSyncSet } from '../group-state.ts'
import type { MasterChange } from './master-change.ts'
import type { Appointments } from './ports.ts'

export type InspectMethod = Services['replication']['Inspect']

/** What a member tells of itself to whoever asks. */
export function inspectionAnswer(
  inspection: Inspection,
  about: {
    readonly role: string
    readonly storeId: string
    readonly log: LogState
    readonly changes: readonly MasterChange[]
    /** As a master has it. */
    readonly inSync: InSyncSet
    readonly appointments: Appointments | undefined
  },
): InspectionAnswer {
  const { brokerId, incarnation, isObserver, isElectable, masterHeardAgoMs, ...rest } = inspection
  const { role, storeId, log, changes, inSync, appointments } = about
  return {
    ...rest,
    member: { brokerId, incarnation, storeId },
    observer: isObserver,
    electable: isElectable,
    role,
    flushedOffset: log.flushedOffset,
    hasHeardMaster: masterHeardAgoMs !== undefined,
    masterHeardAgoMs: Math.max(0, Math.round(masterHeardAgoMs ?? 0)),
    epochs: [...log.history.entries],
    reigns: changes.map(({ epoch, master, reason, atMs }) => ({ epoch, master, reason, atMs })),
    minOffset: log.minOffset,
    inSync: [...inSync].map(([id, since]) => ({ brokerId: id, incarnation: since, storeId: '' })),
    appointment: appointments === undefined ? null : appointmentAnswer(appointments.appointment),
    inSyncAs: appointments?.inSyncAs ?? 0,
    // The broker around the member knows; see `memberHandlers`.
    standsIn: false,
  }
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
