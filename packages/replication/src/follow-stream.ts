import type { DiskHealth, SlaveFrame } from './frames.ts'
import type { Following, FollowStream } from './replica.ts'
import type { Turn } from './turn.ts'
import { readElector } from './views.ts'

/** Connects to a member that may be the master, and says what is here. */
export function dial(turn: Turn, role: Following, masterId: number): Following {
  const { log, member, me } = turn
  const number = turn.nextNumber()
  turn.act({
    kind: 'follow',
    stream: number,
    brokerId: masterId,
    hello: {
      kind: 'hello',
      member: { brokerId: me, incarnation: member.incarnation, storeId: member.storeId },
      lastSeenEpoch: member.lastSeenEpoch,
      history: log.history,
      minOffset: log.minOffset,
      maxOffset: log.maxOffset,
      confirmOffset: log.confirmOffset,
      isObserver: turn.context.self.isObserver,
    },
  })
  const stream = {
    number,
    masterId,
    epoch: 0,
    phase: 'greeting',
    beat: 0,
    echo: undefined,
  } as const
  return { ...role, stream, dialled: masterId }
}

export function leaveStream(turn: Turn, role: Following): Following {
  if (role.stream === undefined) return role
  turn.act({ kind: 'leave-stream', stream: role.stream.number })
  return { ...role, stream: undefined, offer: undefined }
}

/** Something that a master of the agreed epoch does not do: it starts again from the hello. */
export function giveUpStream(turn: Turn, role: Following): Following {
  readElector(turn)
  return { ...leaveStream(turn, role), dialAtMs: turn.nowMs + turn.settings.redialMs }
}

export function acknowledge(turn: Turn, stream: FollowStream): void {
  if (stream.phase !== 'streaming') return
  const { maxOffset: received, flushedOffset: flushed } = turn.log
  const { epoch, beat } = stream
  sendToMaster(turn, stream, {
    kind: 'ack',
    epoch,
    received,
    flushed,
    beat,
    disk: diskOf(turn),
  })
}

export function sendToMaster(turn: Turn, { number }: FollowStream, frame: SlaveFrame): void {
  turn.act({ kind: 'send-to-master', stream: number, frame })
}

function diskOf(turn: Turn): DiskHealth {
  const { isFull, isStalled } = turn.state.disk
  return { isFull, isStalled }
}
