import { type CommitLogOffset, commitLogOffset } from '@cometmq/protocol'
import { corrupt, StrictFields } from './strict-json.ts'

/**
 * The members that hold everything acknowledged: broker id to the incarnation that was added. A
 * member that started again since is another one until it is added anew, for it may have lost what
 * it had acknowledged (KIP-966).
 */
export type InSyncSet = ReadonlyMap<number, number>

/**
 * What the elector keeps about a broker group. Whoever replaces it by compare-and-swap decides, and
 * nothing else does.
 */
export interface GroupState {
  /** Which reign this is, from 1; rises by one with every election, hand-over and retake. */
  readonly epoch: number
  readonly master: number
  readonly masterIncarnation: number
  /** Always holds the master. Never shrinks below `minInSync` once it was that large. */
  readonly inSync: InSyncSet
  /** With fewer in sync nothing is confirmed. Counts the master. */
  readonly minInSync: number
  /** How many members the group is meant to have. */
  readonly memberCount: number
  /** Who wrote this value: `id.incarnation.counter`. Tells the writer whose answer was lost. */
  readonly attempt: string
  /** Why the present epoch began: for people, and to tell hand-overs from elections. */
  readonly reason: string
  /** The reign before; undefined in the first epoch. */
  readonly previous: Reign | undefined
  /** Stays until the next one: a member that was away may need it, whenever it comes back (ADR 0012). */
  readonly possibleLoss: PossibleLoss | undefined
}

export interface Reign {
  readonly epoch: number
  readonly master: number
}

/** An election outside of the in-sync set, or one of members that may have lost their last bytes. */
export interface PossibleLoss {
  /** The epoch that it began. */
  readonly epoch: number
  /** `recovery`: by itself, for no in-sync member was trusted any more. */
  readonly cause: 'recovery' | 'operator'
  /** The log that was elected ended here. */
  readonly keptTo: CommitLogOffset
  /** The highest confirm offset that any member told. Above `keptTo`, acknowledged bytes are lost. */
  readonly confirmedTo: CommitLogOffset
}

/** The reason of a state that an operator has made, and whose master has not begun. */
export const APPOINTED = 'appointed'

const VERSION = 1

export function encodeGroupState(state: GroupState): string {
  return JSON.stringify({
    version: VERSION,
    epoch: state.epoch,
    master: state.master,
    masterIncarnation: state.masterIncarnation,
    inSync: [...state.inSync].toSorted(([a], [b]) => a - b),
    minInSync: state.minInSync,
    members: state.memberCount,
    attempt: state.attempt,
    reason: state.reason,
    previous: state.previous ?? null,
    possibleLoss: state.possibleLoss ?? null,
  })
}

/**
 * Throws `UNSUPPORTED` for what a later version wrote and `GROUP_STATE_CORRUPT` for what no version
 * did: a member that guessed at either could act as master of an epoch that is another's.
 */
export function parseGroupState(text: string): GroupState {
  const fields = StrictFields.parse(text, 'state')
  fields.version(VERSION)
  const inSync = fields.pairs('inSync')
  const state: GroupState = {
    epoch: fields.integer('epoch', 1),
    master: fields.integer('master', 1),
    masterIncarnation: fields.integer('masterIncarnation', 1),
    inSync: new Map(inSync),
    minInSync: fields.integer('minInSync', 1),
    memberCount: fields.integer('members', 1),
    attempt: fields.text('attempt'),
    reason: fields.text('reason'),
    previous: reignOf(fields.object('previous')),
    possibleLoss: possibleLossOf(fields.object('possibleLoss')),
  }
  fields.end()
  if (inSync.some(([id], index) => id <= (inSync[index - 1]?.[0] ?? 0))) {
    throw corrupt('state.inSync does not rise')
  }
  if (state.inSync.get(state.master) !== state.masterIncarnation) {
    throw corrupt('state.inSync does not hold the master')
  }
  if (state.minInSync > state.memberCount) throw corrupt('state.minInSync is above state.members')
  return state
}

function reignOf(fields: StrictFields | undefined): Reign | undefined {
  if (fields === undefined) return undefined
  const reign = { epoch: fields.integer('epoch', 1), master: fields.integer('master', 1) }
  fields.end()
  return reign
}

function possibleLossOf(fields: StrictFields | undefined): PossibleLoss | undefined {
  if (fields === undefined) return undefined
  const cause = fields.text('cause')
  if (cause !== 'recovery' && cause !== 'operator') throw corrupt(`${cause} is not a known cause`)
  const loss = {
    epoch: fields.integer('epoch', 1),
    cause,
    keptTo: commitLogOffset(fields.integer('keptTo')),
    confirmedTo: commitLogOffset(fields.integer('confirmedTo')),
  } as const
  fields.end()
  return loss
}
