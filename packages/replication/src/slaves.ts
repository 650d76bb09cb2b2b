import { type CommitLogOffset, commitLogOffset } from '@cometmq/protocol'
import { forgetEarly, keepEarly, refuseSlave } from './early-slaves.ts'
import type { Hello, SlaveFrame } from './frames.ts'
import { confirmMore, frameOf, isReigning, peerOfStream, updatePeer, updateReign } from './reign.ts'
import type { Peer, Reign } from './replica.ts'
import { stepDown } from './step-down.ts'
import type { Turn } from './turn.ts'
import { readElector } from './views.ts'

type Ack = Extract<SlaveFrame, { kind: 'ack' }>
type Ready = Extract<SlaveFrame, { kind: 'ready' }>

/** What a slave says to this member as its master. */
export function onSlaveFrame(turn: Turn, stream: number, frame: SlaveFrame): void {
  const { role } = turn.state
  if (!isReigning(role)) {
    const mayReign = role.kind === 'candidate' || role.kind === 'promoting'
    if (mayReign && frame.kind === 'hello') return keepEarly(turn, stream, frame)
    return refuseSlave(turn, stream)
  }
  const { reign } = role
  if (frame.kind === 'hello') return onHello(turn, reign, stream, frame)
  const peer = peerOfStream(reign, stream)
  if (peer === undefined) return
  const heardAtMs = new Map(reign.heardAtMs).set(peer.member.brokerId, turn.nowMs)
  updateReign(turn, { heardAtMs })
  switch (frame.kind) {
    case 'ready':
      return onReady(turn, { ...reign, heardAtMs }, peer, frame)
    case 'ack':
      return onAck(turn, { ...reign, heardAtMs }, peer, frame)
    case 'leaving':
      updatePeer(turn, reign, { ...peer, isLeaving: true })
      return updateReign(turn, { departed: new Set(reign.departed).add(peer.member.brokerId) })
    case 'hand-over-wanted':
    case 'hand-over-result':
      // `hand-over.ts` deals with them.
      return
  }
}

export function onSlaveEnded(turn: Turn, stream: number): void {
  forgetEarly(turn, stream)
  const { role } = turn.state
  const peer = isReigning(role) ? peerOfStream(role.reign, stream) : undefined
  if (!isReigning(role) || peer === undefined) return
  const { brokerId } = peer.member
  const peers = new Map(role.reign.peers)
  peers.delete(brokerId)
  updateReign(turn, { peers })
  // Whether its process is gone, or only its connection.
  if (!peer.isLeaving)
    turn.act({ kind: 'inspect', round: turn.nextNumber(), brokerIds: [brokerId] })
}

export function onPushed(turn: Turn, stream: number, to: CommitLogOffset): void {
  const { role } = turn.state
  const peer = isReigning(role) ? peerOfStream(role.reign, stream) : undefined
  if (!isReigning(role) || peer === undefined || to <= peer.sent) return
  updatePeer(turn, role.reign, { ...peer, sent: to })
}

function onHello(turn: Turn, reign: Reign, stream: number, hello: Hello): void {
  const { brokerId, incarnation, storeId } = hello.member
  // This member is a ghost: somebody has followed a later master already.
  if (turn.rules.isOver(reign.epoch, hello.lastSeenEpoch)) {
    turn.see(hello.lastSeenEpoch)
    refuse(turn, reign, stream, 'stale-epoch')
    return stepDown(turn)
  }
  const known = turn.state.elector.view?.members.get(brokerId)
  const older = reign.peers.get(brokerId)
  const isLate = older !== undefined && older.member.incarnation > incarnation
  if (known?.value.storeId !== storeId || isLate) {
    if (known === undefined) readElector(turn)
    return refuse(turn, reign, stream, 'unknown-store')
  }
  if (older !== undefined) turn.act({ kind: 'close-slave', stream: older.stream })
  const { cutTo } = turn.rules.followPoint(hello, turn.log)
  const peer: Peer = {
    stream,
    member: hello.member,
    isObserver: hello.isObserver,
    isReady: false,
    sent: commitLogOffset(0),
    received: commitLogOffset(0),
    flushed: commitLogOffset(0),
    disk: { isFull: false, isStalled: false },
    isLeaving: false,
    levelSinceMs: undefined,
    chases: turn.log.maxOffset,
    chasesSinceMs: turn.nowMs,
    echoedSentAtMs: undefined,
    heardBeat: 0,
  }
  const departed = new Set(reign.departed)
  departed.delete(brokerId)
  updateReign(turn, {
    departed,
    peers: new Map(reign.peers).set(brokerId, peer),
    heardAtMs: new Map(reign.heardAtMs).set(brokerId, turn.nowMs),
  })
  const { history, minOffset } = turn.log
  turn.act({
    kind: 'send-to-slave',
    stream,
    frame: frameOf(turn, reign, { kind: 'welcome', history, minOffset, cutTo }),
  })
}

function refuse(turn: Turn, reign: Reign, stream: number, reason: 'stale-epoch' | 'unknown-store') {
  turn.act({
    kind: 'send-to-slave',
    stream,
    frame: frameOf(turn, reign, { kind: 'refusal', reason }),
  })
  turn.act({ kind: 'close-slave', stream })
}

function onReady(turn: Turn, reign: Reign, peer: Peer, { next, flushed }: Ready): void {
  if (peer.isReady || next > turn.log.maxOffset) return
  updatePeer(turn, reign, {
    ...peer,
    isReady: true,
    sent: next,
    received: next,
    flushed: least(flushed, next),
    heardBeat: Math.max(1, reign.beats.number),
  })
  turn.act({ kind: 'push', stream: peer.stream, from: next })
  confirmMore(turn)
}

/** Counts only on the current stream, only for this epoch, and only up to what was sent. */
function onAck(turn: Turn, reign: Reign, peer: Peer, ack: Ack): void {
  if (!peer.isReady || ack.epoch !== reign.epoch) return
  const received = most(peer.received, least(ack.received, peer.sent))
  updatePeer(turn, reign, {
    ...peer,
    received,
    flushed: most(peer.flushed, least(ack.flushed, received)),
    disk: ack.disk,
    echoedSentAtMs: reign.beats.sent.get(ack.beat) ?? peer.echoedSentAtMs,
    heardBeat: Math.max(peer.heardBeat, Math.min(ack.beat, reign.beats.number)),
  })
  confirmMore(turn)
}

function least(a: CommitLogOffset, b: CommitLogOffset): CommitLogOffset {
  return a < b ? a : b
}

function most(a: CommitLogOffset, b: CommitLogOffset): CommitLogOffset {
  return a > b ? a : b
}
