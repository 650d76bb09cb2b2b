import { CometError } from '@cometmq/protocol'
import type { Clock, Random } from '@cometmq/runtime'
import type { Elector, GroupView, Transaction } from '../elector.ts'
import type { Command } from '../group-records.ts'
import type { GroupState } from '../group-state.ts'
import { commandTransaction, withdrawTransaction } from '../transactions.ts'
import { checkWish, commandOf, progressOf, type Wish, type Witness } from '../wishes.ts'

export interface CommandPorts {
  readonly clock: Clock
  readonly random: Random
  readonly elector: Elector
  /** Asks every member of the group. */
  readonly witnesses: (view: GroupView) => Promise<readonly Witness[]>
}

export interface Fulfilled {
  readonly state: GroupState
  readonly tookMs: number
}

const LOOK_MS = 50
const ID_BYTES = 8
/** So long it is tried to take a command back; then the master does, some time later. */
const TAKE_BACK_MS = 3_000

/**
 * Tells the group what an operator wants and waits until it is done, or takes it back: a command that
 * is left behind would come true some day when nobody expects it.
 *
 * Throws `MEMBER_UNFIT`, `BROKER_ACTIVE`, `BROKER_NOT_FOUND` where nothing was done, `NOT_READY` if the
 * elector does not answer from the beginning on, and `TIMEOUT` for what nobody did in time.
 */
export async function carryOut(
  ports: CommandPorts,
  wish: Wish,
  timeoutMs: number,
): Promise<Fulfilled> {
  const { clock, random } = ports
  const startedAtMs = clock.elapsedMs()
  const isLate = (graceMs = 0): boolean => clock.elapsedMs() - startedAtMs >= timeoutMs + graceMs
  const id = random.hex(ID_BYTES)
  const { command, before } = await give(ports, wish, { id, isLate })
  for (;;) {
    const view = await viewOf(ports.elector)
    if (typeof view !== 'string') {
      const done = settled(command, before, view)
      if (done !== undefined) return { state: done, tookMs: clock.elapsedMs() - startedAtMs }
      if (isLate() && (await isTakenBack(ports, { view, id, isLate }))) {
        throw new CometError('TIMEOUT', 'nobody did it in time, so it was taken back')
      }
    }
    if (isLate(TAKE_BACK_MS)) {
      throw new CometError('TIMEOUT', 'nobody has done it; the master takes it back in a while')
    }
    await clock.sleep(LOOK_MS)
  }
}

type IsLate = (graceMs?: number) => boolean

/** Puts the command into the elector, against a view that it was checked against. */
async function give(
  ports: CommandPorts,
  wish: Wish,
  { id, isLate }: { readonly id: string; readonly isLate: IsLate },
): Promise<{ readonly command: Command; readonly before: GroupState }> {
  for (;;) {
    const view = await viewOf(ports.elector)
    if (typeof view === 'string') {
      throw new CometError('NOT_READY', `the elector of the broker group: ${view}`)
    }
    const witnesses = wish.kind === 'elect' ? await ports.witnesses(view) : []
    checkWish(view, wish, witnesses)
    const command = commandOf(wish, { id, view, witnesses })
    const { state } = view
    if (state === undefined) throw new CometError('NOT_READY', 'there is no epoch yet')
    const transaction = commandTransaction({
      command,
      stateRevision: state.revision,
      replaces: view.command?.revision,
    })
    if (await wins(ports, transaction, isLate)) return { command, before: state.value }
    if (isLate()) throw new CometError('TIMEOUT', 'the group changes all the time; try again')
  }
}

async function isTakenBack(
  ports: CommandPorts,
  given: { readonly view: GroupView; readonly id: string; readonly isLate: IsLate },
): Promise<boolean> {
  const { command } = given.view
  if (command?.value.id !== given.id) return false
  const isTooLate = (): boolean => given.isLate(TAKE_BACK_MS)
  return wins(ports, withdrawTransaction(command.revision), isTooLate)
}

/** The state of a group that has done it; throws if it never will. */
function settled(command: Command, before: GroupState, view: GroupView): GroupState | undefined {
  const progress = progressOf(command, before, view)
  switch (progress.kind) {
    case 'open':
      return undefined
    case 'done':
      return progress.state
    case 'failed':
      throw new CometError('MEMBER_UNFIT', `nothing was done: ${progress.why}`)
  }
}

/**
 * The same transaction again for as long as its answer is lost. After such a loss a refusal tells
 * nothing: an earlier copy may have won, and its command may have been carried out by now.
 */
async function wins(
  { elector, clock }: CommandPorts,
  transaction: Transaction,
  isLate: IsLate,
): Promise<boolean> {
  let isFirst = true
  for (;;) {
    const outcome = await elector.swap(transaction)
    switch (outcome.kind) {
      case 'won':
        return true
      case 'lost':
        return !isFirst
      case 'went-back':
        throw new CometError('NOT_READY', `the elector is not to be trusted: ${outcome.reason}`)
      case 'unknown':
        if (isLate()) throw new CometError('TIMEOUT', 'the elector does not answer; it may be done')
        isFirst = false
        await clock.sleep(LOOK_MS)
    }
  }
}

/** Or why there is none. */
async function viewOf(elector: Elector): Promise<GroupView | string> {
  const outcome = await elector.read()
  if (outcome.kind === 'read') return outcome.view
  return outcome.kind === 'unreachable' ? 'it does not answer' : outcome.reason
}
