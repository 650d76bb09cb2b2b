import {
  commitLogOffset,
  type EpochEntry,
  EpochHistory,
  type MasterFrame as WireMasterFrame,
  type SlaveFrame as WireSlaveFrame,
} from '@cometmq/protocol'
import type { MasterFrame, RefusalReason, SlaveFrame } from '../frames.ts'
import type { Revision } from '../elector.ts'

/** So many of the newest epochs travel; who is farther behind starts over. */
const EPOCHS_MAX = 1_000
const VERSION = 1

/** What both ends of a stream must agree on before anything else. */
export interface GroupName {
  readonly cluster: string
  readonly brokerName: string
}

/** The end of a log by which two are compared. */
export interface TailSum {
  readonly from: number
  readonly checksum: number
}

const NO_TAIL: TailSum = { from: 0, checksum: 0 }
const REASONS: readonly string[] = ['not-master', 'stale-epoch', 'unknown-store']

/** `tail`: what the slave has computed of its own log. */
export function toWireSlaveFrame(
  frame: SlaveFrame,
  group: GroupName,
  tail: TailSum = NO_TAIL,
): WireSlaveFrame {
  switch (frame.kind) {
    case 'hello': {
      const { history, isObserver: observer, ...hello } = frame
      return { ...hello, ...group, version: VERSION, epochs: toWireEpochs(history), observer }
    }
    case 'ready':
      return { ...frame, tailChecksum: tail.checksum }
    case 'ack': {
      const { kind, epoch, received, flushed, beat, disk } = frame
      const flags = { diskFull: disk.isFull, flushStalled: disk.isStalled, notElectable: false }
      return { kind, epoch, received, flushed, applied: 0, beat, freeBytes: 0, ...flags }
    }
    case 'leaving':
      return { kind: 'leaving', reason: '' }
    case 'hand-over-wanted':
      return frame
    case 'hand-over-result':
      return { kind: 'hand-over-result', won: frame.won, epoch: 0, reason: '' }
  }
}

/** Throws `STORE_CORRUPT` if the epochs are out of order. */
export function fromWireSlaveFrame(frame: WireSlaveFrame): SlaveFrame {
  switch (frame.kind) {
    case 'hello':
      return {
        kind: 'hello',
        member: frame.member,
        lastSeenEpoch: frame.lastSeenEpoch,
        history: fromWireEpochs(frame.epochs),
        minOffset: commitLogOffset(frame.minOffset),
        maxOffset: commitLogOffset(frame.maxOffset),
        confirmOffset: commitLogOffset(frame.confirmOffset),
        isObserver: frame.observer,
      }
    case 'ready': {
      const { kind, next, flushed } = frame
      return { kind, next: commitLogOffset(next), flushed: commitLogOffset(flushed) }
    }
    case 'ack':
      return {
        kind: 'ack',
        epoch: frame.epoch,
        received: commitLogOffset(frame.received),
        flushed: commitLogOffset(frame.flushed),
        beat: frame.beat,
        disk: { isFull: frame.diskFull, isStalled: frame.flushStalled },
      }
    case 'leaving':
      return { kind: 'leaving' }
    case 'hand-over-wanted':
      return { kind: 'hand-over-wanted' }
    case 'hand-over-result':
      return { kind: 'hand-over-result', won: frame.won }
  }
}

/** `tail`: of the master's log below the point of a welcome. Records are sent by `SlaveFeed`. */
export function toWireMasterFrame(
  { epoch, confirmOffset, maxOffset, message }: MasterFrame,
  options: { readonly maxInFlightBytes: number; readonly tail?: TailSum },
): WireMasterFrame {
  const frame = { epoch, confirmOffset, maxOffset }
  switch (message.kind) {
    case 'welcome': {
      const { kind, history, minOffset, cutTo } = message
      const { from: tailFrom, checksum: tailChecksum } = options.tail ?? NO_TAIL
      return {
        ...frame,
        message: {
          kind,
          epochs: toWireEpochs(history),
          minOffset,
          truncateTo: cutTo ?? 0,
          tailFrom,
          tailChecksum,
          startOver: cutTo === undefined,
          maxInFlightBytes: options.maxInFlightBytes,
        },
      }
    }
    case 'refusal': {
      const { kind, reason } = message
      return { ...frame, message: { kind, reason, epoch, masterId: 0, masterAddress: '' } }
    }
    case 'data':
      throw new Error('records go their own way')
    case 'beat':
      return { ...frame, message: { ...message, inSync: [] } }
    case 'hand-over': {
      const { end, ...offer } = message
      return { ...frame, message: { ...offer, end: end ?? 0, resigned: end === undefined } }
    }
  }
}

export function fromWireMasterFrame(frame: WireMasterFrame): MasterFrame {
  const { epoch, message } = frame
  const head = {
    epoch,
    confirmOffset: commitLogOffset(frame.confirmOffset),
    maxOffset: commitLogOffset(frame.maxOffset),
  }
  switch (message.kind) {
    case 'welcome': {
      const { kind, startOver, truncateTo, minOffset } = message
      const history = fromWireEpochs(message.epochs)
      const cutTo = startOver ? undefined : commitLogOffset(truncateTo)
      return {
        ...head,
        message: { kind, history, minOffset: commitLogOffset(minOffset), cutTo },
      }
    }
    case 'refusal': {
      const { reason } = message
      // What a later version refuses for is a refusal all the same.
      const known = REASONS.includes(reason) ? (reason as RefusalReason) : 'not-master'
      return { ...head, message: { kind: 'refusal', reason: known } }
    }
    case 'data': {
      const { kind, offset, batchEpoch, batchEpochStart, records } = message
      return {
        ...head,
        message: {
          kind,
          offset: commitLogOffset(offset),
          wroteIt: { epoch: batchEpoch, start: commitLogOffset(batchEpochStart) },
          records,
        },
      }
    }
    case 'beat': {
      const { kind, number, lostElector, heard } = message
      return { ...head, message: { kind, number, lostElector, heard } }
    }
    case 'hand-over': {
      const { kind, leaves, resigned } = message
      const end = resigned ? undefined : commitLogOffset(message.end)
      const stateRevision = message.stateRevision as Revision
      return { ...head, message: { kind, end, stateRevision, leaves } }
    }
  }
}

function toWireEpochs({ entries }: EpochHistory): readonly EpochEntry[] {
  return entries.slice(-EPOCHS_MAX)
}

function fromWireEpochs(epochs: readonly { epoch: number; start: number }[]): EpochHistory {
  return EpochHistory.of(
    epochs.map(({ epoch, start }) => ({ epoch, start: commitLogOffset(start) })),
  )
}
