import type { ElectorKey, Guard, Revision, Transaction, Versioned, Write } from './elector.ts'
import type { Command, LiveRecord, MemberRecord } from './group-records.ts'
import type { GroupState } from './group-state.ts'

/** A state to write in place of the one that was read at `replaces`. */
export interface NextState {
  readonly replaces: Revision
  readonly state: GroupState
}

/** The writer's own `live` key. Without it the lease was lost, and others may count it as gone. */
export interface OwnLive {
  readonly brokerId: number
  readonly revision: Revision
}

/** What was known of the old master's `live` key when the evidence against it was gathered. */
export interface OldMaster {
  readonly brokerId: number
  readonly live: Revision | undefined
}

/** Gives a new data folder the lowest id that was never used. */
export function takeIdTransaction(options: {
  readonly nextId: Versioned<number> | undefined
  readonly member: MemberRecord
}): Transaction {
  const brokerId = options.nextId?.value ?? 1
  return {
    kind: 'take-id',
    guards: [
      options.nextId === undefined
        ? absent({ kind: 'next-id' })
        : unchanged({ kind: 'next-id' }, options.nextId.revision),
      absent({ kind: 'member', brokerId }),
    ],
    writes: [
      { kind: 'put-next-id', value: brokerId + 1 },
      { kind: 'put-member', brokerId, value: options.member },
    ],
  }
}

/** Gives a new data folder the id that its configuration names, if nobody has had it. */
export function takeConfiguredIdTransaction(options: {
  readonly brokerId: number
  readonly member: MemberRecord
}): Transaction {
  const { brokerId, member } = options
  return {
    kind: 'take-id',
    guards: [absent({ kind: 'member', brokerId })],
    writes: [{ kind: 'put-member', brokerId, value: member }],
  }
}

/**
 * Announces a process. Made again whenever its lease is another one.
 *
 * `replaces` is the `live` key of the same id that may be overwritten: one whose process is proven
 * gone, or this process's own. Undefined waits, by failing, until there is none.
 */
export function startTransaction(options: {
  readonly brokerId: number
  readonly member: MemberRecord
  /** When `members/<id>` was read: same store id, and a lower incarnation or this very one. */
  readonly memberRevision: Revision
  readonly live: LiveRecord
  readonly leaseId: string
  readonly replaces: Revision | undefined
}): Transaction {
  const { brokerId, leaseId } = options
  const live: ElectorKey = { kind: 'live', brokerId }
  return {
    kind: 'start',
    guards: [
      unchanged({ kind: 'member', brokerId }, options.memberRevision),
      options.replaces === undefined ? absent(live) : unchanged(live, options.replaces),
    ],
    writes: [
      { kind: 'put-member', brokerId, value: options.member },
      { kind: 'put-live', brokerId, value: options.live, leaseId },
    ],
  }
}

/** The first epoch of a group that nobody has ever written to. */
export function bootstrapTransaction(state: GroupState): Transaction {
  return { kind: 'bootstrap', guards: [absent({ kind: 'state' })], writes: [put(state)] }
}

/**
 * Ends the epoch of a master that is gone. That its `live` key is as it was seen is courtesy, so
 * that one which just came back is not deposed; safety is the revision of the state alone.
 */
export function electTransaction(
  next: NextState,
  me: OwnLive,
  old: OldMaster | undefined,
): Transaction {
  if (old === undefined) {
    return {
      kind: 'elect',
      guards: [stateUnchanged(next), liveUnchanged(me)],
      writes: [put(next.state)],
    }
  }
  const live: ElectorKey = { kind: 'live', brokerId: old.brokerId }
  return {
    kind: 'elect',
    guards: [
      stateUnchanged(next),
      liveUnchanged(me),
      old.live === undefined ? absent(live) : unchanged(live, old.live),
    ],
    writes: [put(next.state), { kind: 'delete', key: live }],
  }
}

/** The master's own change of the in-sync set or of its floor. */
export function changeSetTransaction(next: NextState, me: OwnLive): Transaction {
  return {
    kind: 'change-set',
    guards: [stateUnchanged(next), liveUnchanged(me)],
    writes: [put(next.state)],
  }
}

/** The target of a hand-over becomes master; `replaces` comes with the hand-over. */
export function takeOverTransaction(next: NextState, me: OwnLive): Transaction {
  return {
    kind: 'take-over',
    guards: [stateUnchanged(next), liveUnchanged(me)],
    writes: [put(next.state), { kind: 'delete', key: { kind: 'command' } }],
  }
}

/** The old master goes on after the target did not take over; a late take-over is dead then. */
export function retakeTransaction(next: NextState): Transaction {
  return { kind: 'retake', guards: [stateUnchanged(next)], writes: [put(next.state)] }
}

/** Forgets a member for ever; it must be neither master nor in sync in the state that was read. */
export function forgetTransaction(options: {
  readonly brokerId: number
  readonly stateRevision: Revision
  readonly commandRevision: Revision
}): Transaction {
  const { brokerId } = options
  return {
    kind: 'forget',
    guards: [
      unchanged({ kind: 'state' }, options.stateRevision),
      unchanged({ kind: 'command' }, options.commandRevision),
    ],
    writes: [
      { kind: 'delete', key: { kind: 'member', brokerId } },
      { kind: 'delete', key: { kind: 'live', brokerId } },
      { kind: 'delete', key: { kind: 'command' } },
    ],
  }
}

/**
 * Elects outside of the in-sync set; `possibleLoss` of the next state says so. `command`: an operator
 * asked for it, and may have thought better of it since.
 */
export function recoverTransaction(next: NextState, me: OwnLive, command?: Revision): Transaction {
  const asked = command === undefined ? [] : [unchanged({ kind: 'command' }, command)]
  return {
    kind: 'recover',
    guards: [stateUnchanged(next), liveUnchanged(me), ...asked],
    writes: [put(next.state), { kind: 'delete', key: { kind: 'command' } }],
  }
}

/**
 * An operator's command, in place of the one that was there. The group must be as it was when the
 * command was found to make sense.
 */
export function commandTransaction(options: {
  readonly command: Command
  readonly stateRevision: Revision
  readonly replaces: Revision | undefined
}): Transaction {
  const key: ElectorKey = { kind: 'command' }
  const { command, stateRevision, replaces } = options
  return {
    kind: 'command',
    guards: [
      unchanged({ kind: 'state' }, stateRevision),
      replaces === undefined ? absent(key) : unchanged(key, replaces),
    ],
    writes: [{ kind: 'put-command', value: command }],
  }
}

/** Takes a command back, unless it was carried out or replaced. */
export function withdrawTransaction(command: Revision): Transaction {
  const key: ElectorKey = { kind: 'command' }
  return {
    kind: 'withdraw',
    guards: [unchanged(key, command)],
    writes: [{ kind: 'delete', key }],
  }
}

function put(value: GroupState): Write {
  return { kind: 'put-state', value }
}

function stateUnchanged({ replaces }: NextState): Guard {
  return unchanged({ kind: 'state' }, replaces)
}

function liveUnchanged({ brokerId, revision }: OwnLive): Guard {
  return unchanged({ kind: 'live', brokerId }, revision)
}

function unchanged(key: ElectorKey, revision: Revision): Guard {
  return { kind: 'unchanged', key, revision }
}

function absent(key: ElectorKey): Guard {
  return { kind: 'absent', key }
}
