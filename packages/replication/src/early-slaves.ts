import type { Hello } from './frames.ts'
import type { Turn } from './turn.ts'

/**
 * A slave may hear of an epoch before its master has opened it. Its hello is kept for that moment:
 * sent away, it would come back a while later, and everything waits for it.
 */
export function keepEarly(turn: Turn, stream: number, hello: Hello): void {
  turn.update({ early: new Map(turn.state.early).set(stream, hello) })
}

/** Those that were kept, which are not any more. */
export function takeEarly(turn: Turn): ReadonlyMap<number, Hello> {
  const { early } = turn.state
  if (early.size > 0) turn.update({ early: new Map() })
  return early
}

export function forgetEarly(turn: Turn, stream: number): void {
  if (!turn.state.early.has(stream)) return
  const early = new Map(turn.state.early)
  early.delete(stream)
  turn.update({ early })
}

/** Whoever takes this member for a master is told at once that it is none. Of its stream nothing comes any more. */
export function refuseSlave(turn: Turn, stream: number): void {
  forgetEarly(turn, stream)
  const { lastSeenEpoch: epoch } = turn.member
  const { confirmOffset, maxOffset } = turn.log
  const message = { kind: 'refusal', reason: 'not-master' } as const
  turn.act({
    kind: 'send-to-slave',
    stream,
    frame: { epoch, confirmOffset, maxOffset, message },
  })
  turn.act({ kind: 'close-slave', stream })
}
