import type { GroupView, Revision } from './elector.ts'
import type { GroupState } from './group-state.ts'
import type { ElectorKnowledge } from './replica.ts'
import type { Turn } from './turn.ts'

/** Reads the elector, unless a read is under way: then once more after it. */
export function readElector(turn: Turn): void {
  const { elector, member } = turn.state
  if (elector.isDistrusted) return
  if (elector.readKnowing !== undefined) return know(turn, { readAgain: true })
  know(turn, { readKnowing: member.lastSeenEpoch, readAgain: false, readAtMs: turn.nowMs })
  turn.act({ kind: 'read' })
}

/** Hints may be lost, so it is read every so often without one. */
export function readInTime(turn: Turn): void {
  const { readAtMs, readKnowing } = turn.state.elector
  const isDue = turn.nowMs - readAtMs >= turn.settings.readMs
  if (readKnowing === undefined && isDue) readElector(turn)
}

/**
 * Takes a view in, if it is not older than what is known; returns whether it was.
 *
 * `knowing` is the highest epoch that was known before the question was asked. An answer with less
 * means that the elector lost what it had promised to keep: it is not obeyed any more, and the
 * present master goes on under the lease of its peers until an operator has looked.
 */
export function takeView(turn: Turn, view: GroupView, knowing: number): boolean {
  const { elector, member } = turn.state
  if (elector.isDistrusted) return false
  if (member.electorId !== undefined && member.electorId !== view.clusterId) {
    distrustElector(turn, `it was ${member.electorId} and is ${view.clusterId}`)
    return false
  }
  const epoch = view.state?.value.epoch ?? 0
  if (epoch < knowing) {
    distrustElector(turn, `epoch ${knowing} was there and now it is ${epoch}`)
    return false
  }
  // The answer was on its way while somebody told of a later epoch.
  if (epoch < member.lastSeenEpoch) {
    readElector(turn)
    return false
  }
  if (elector.view !== undefined && view.revision < elector.view.revision) return false
  if (member.electorId === undefined) turn.keepMember({ electorId: view.clusterId })
  noteElection(turn, view.state?.value)
  const isNews = view.command?.revision !== elector.view?.command?.revision
  const commandSinceMs = isNews ? turn.nowMs : elector.commandSinceMs
  know(turn, { view, commandSinceMs, unreachableSinceMs: undefined })
  turn.see(epoch)
  return true
}

/** Takes the state that this member's own transaction put there. */
export function takeOwnState(turn: Turn, value: GroupState, revision: Revision): void {
  const { view } = turn.state.elector
  if (view === undefined || (view.state?.revision ?? 0) >= revision) return
  noteElection(turn, value)
  know(turn, {
    view: {
      ...view,
      revision: view.revision > revision ? view.revision : revision,
      state: { revision, value },
    },
  })
}

export function distrustElector(turn: Turn, why: string): void {
  if (turn.state.elector.isDistrusted) return
  know(turn, { isDistrusted: true })
  turn.alarm('elector_went_back', why)
}

export function know(turn: Turn, changes: Partial<ElectorKnowledge>): void {
  turn.update({ elector: { ...turn.state.elector, ...changes } })
}

/**
 * Elections that follow fast on each other make everybody more patient. One restart after the other
 * hands epochs over as fast, and nobody was mistaken.
 */
function noteElection(turn: Turn, next: GroupState | undefined): void {
  const before = turn.group
  if (before === undefined || next === undefined || next.epoch <= before.epoch) return
  if (next.reason === 'hand-over') return
  const { electionsAtMs } = turn.state
  turn.update({ electionsAtMs: [...electionsAtMs.slice(-7), turn.nowMs] })
}
