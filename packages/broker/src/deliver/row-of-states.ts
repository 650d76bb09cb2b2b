import { DONE, type MessageState } from './message-state.ts'
import type { ProgressRow } from './progress-row.ts'
import { StateMap } from './state-map.ts'

/** What has to survive a restart, if it is written now. Leases do not. */
export function rowOf(states: StateMap): ProgressRow {
  let { doneBelow } = states
  const done: { from: number; to: number }[] = []
  const attempted: { from: number; to: number; attempts: number }[] = []
  const parked: { from: number; to: number; attempts: number; reason: string }[] = []
  for (const { from, to, value } of states.spans()) {
    const state = asWritten(value)
    if (state.kind === 'done') {
      const last = done.at(-1)
      if (from === doneBelow) doneBelow = to
      else if (last?.to === from) last.to = to
      else done.push({ from, to })
    } else if (state.kind === 'parked') {
      parked.push({ from, to, attempts: state.attempts, reason: state.reason })
    } else if (state.attempts > 0) {
      const last = attempted.at(-1)
      if (last?.to === from && last.attempts === state.attempts) last.to = to
      else attempted.push({ from, to, attempts: state.attempts })
    }
  }
  return parked.length === 0
    ? { doneBelow, done, attempted }
    : { doneBelow, done, attempted, parked }
}

/** What has survived. */
export function statesOf(row: ProgressRow, maxOffset: number): StateMap {
  const states = new StateMap({ doneBelow: row.doneBelow, maxOffset })
  for (const { from, to, attempts } of row.attempted) {
    states.set(from, to, { kind: 'returned', attempts, last: undefined })
  }
  for (const { from, to, attempts, reason } of row.parked ?? []) {
    states.set(from, to, { kind: 'parked', attempts, reason })
  }
  for (const { from, to } of row.done) states.set(from, to, DONE)
  return states
}

/** What is about to move is as before until its append is under way, and done from then on. */
function asWritten(state: MessageState): MessageState {
  if (state.kind !== 'moving') return state
  if (state.isCommitting) return DONE
  return state.before?.kind === 'parked' ? state.before : state
}
