import { type CommitLogOffset, commitLogOffset } from '@cometmq/protocol'
import { refuseSlave, takeEarly } from './early-slaves.ts'
import { acknowledge, dial, giveUpStream, leaveStream, sendToMaster } from './follow-stream.ts'
import type { MasterFrame, MasterMessage } from './frames.ts'
import { onWelcome, quarantined } from './handshake.ts'
import type { Following, FollowStream, Role } from './replica.ts'
import type { Turn } from './turn.ts'
import { readElector } from './views.ts'

type Data = Extract<MasterMessage, { kind: 'data' }>
type Beat = Extract<MasterMessage, { kind: 'beat' }>

/** Becomes a slave, whatever it was. */
export function startFollowing(
  turn: Turn,
  options: { readonly settlesLog?: number; readonly heardAtMs?: number | undefined } = {},
): void {
  for (const stream of takeEarly(turn).keys()) refuseSlave(turn, stream)
  turn.become({
    kind: 'following',
    settlesLog: options.settlesLog,
    stream: undefined,
    sinceMs: turn.nowMs,
    heardAtMs: options.heardAtMs,
    dialAtMs: turn.nowMs,
    dialled: undefined,
    inquiry: undefined,
    leaseGoneAtMs: undefined,
    broken: undefined,
    offer: undefined,
  })
}

/** Leaves a stream whose epoch is over, and dials the master that the group's state names. */
export function pursueMaster(turn: Turn, role: Following): Following {
  const { group } = turn
  if (group === undefined || role.settlesLog !== undefined) return role
  const { stream } = role
  if (stream !== undefined) {
    const isOver =
      stream.epoch === 0
        ? stream.masterId !== group.master
        : turn.rules.isOver(stream.epoch, group.epoch)
    return isOver ? pursueMaster(turn, leaveStream(turn, role)) : role
  }
  const isDue = turn.nowMs >= role.dialAtMs || role.dialled !== group.master
  const isWorthIt = group.master !== turn.me && turn.me !== 0 && isDue
  return isWorthIt ? dial(turn, role, group.master) : role
}

export function onMasterFrame(turn: Turn, role: Following, frame: MasterFrame): Role {
  const { stream } = role
  if (stream === undefined) return role
  const heard = { ...role, heardAtMs: turn.nowMs, broken: undefined }
  const { message } = frame
  if (message.kind === 'welcome') return onWelcome(turn, heard, stream, { ...frame, message })
  if (message.kind === 'refusal') return giveUpStream(turn, role)
  if (stream.phase !== 'streaming' || frame.epoch !== stream.epoch) {
    return giveUpStream(turn, heard)
  }
  switch (message.kind) {
    case 'data':
      return onData(turn, heard, stream, { ...frame, message })
    case 'beat': {
      learnConfirm(turn, frame.confirmOffset)
      const beaten = { ...stream, beat: message.number, echo: unheardEcho(turn, stream, message) }
      acknowledge(turn, beaten)
      return { ...heard, stream: beaten }
    }
    case 'hand-over':
      // Of a master that offers a log that is equal on both sides, that is all of it.
      learnConfirm(turn, frame.confirmOffset)
      return {
        ...heard,
        offer: { ...message, stream: stream.number },
      }
  }
}

export function onTailChecked(turn: Turn, role: Following, matches: boolean): Role {
  if (role.stream?.phase !== 'checking') return role
  // Two histories under one name: going on would let them grow together.
  if (!matches) return quarantined(turn, role, 'the log differs where its history does not')
  const stream: FollowStream = { ...role.stream, phase: 'streaming' }
  const { maxOffset: next, flushedOffset: flushed } = turn.log
  sendToMaster(turn, stream, { kind: 'ready', next, flushed })
  return { ...role, stream }
}

export function onStreamEnded(turn: Turn, role: Following): Following {
  readElector(turn)
  // One that stood tells by its end that something happened, and another attempt tells what. One that
  // ends before its first beat may do so each time: a master that cannot read on breaks it off.
  const { stream } = role
  const next = { ...role, stream: undefined, offer: undefined }
  if (stream?.phase !== 'streaming' || stream.beat === 0) {
    return { ...next, dialAtMs: turn.nowMs + turn.settings.redialMs }
  }
  const broken = { masterId: stream.masterId, atMs: turn.nowMs }
  return { ...next, broken, dialAtMs: turn.nowMs }
}

/** Appends whole records at exactly the end of the log, and only of an epoch that is on disk. */
function onData(
  turn: Turn,
  role: Following,
  stream: FollowStream,
  { message, confirmOffset }: MasterFrame & { readonly message: Data },
): Following {
  const { log } = turn
  const { last } = log.history
  const { wroteIt, records } = message
  const isOfLast = last?.epoch === wroteIt.epoch && last.start === wroteIt.start
  const opens = wroteIt.start === log.maxOffset && wroteIt.epoch > (last?.epoch ?? 0)
  if (message.offset !== log.maxOffset || !(isOfLast || opens)) return giveUpStream(turn, role)
  if (!isOfLast) {
    turn.updateLog({ history: turn.rules.appendEpoch(log.history, wroteIt) })
    turn.act({ kind: 'append-epoch', entry: wroteIt })
  }
  turn.act({ kind: 'append-raw', offset: message.offset, wroteIt, records })
  turn.updateLog({ maxOffset: commitLogOffset(log.maxOffset + records.byteLength) })
  learnConfirm(turn, confirmOffset)
  // Else nothing that the master waits for has happened before it is flushed, which is told as well.
  if (turn.settings.confirmOn === 'received') acknowledge(turn, stream)
  return role
}

/**
 * Whether what this member says gets through, by its own clock: one that slept, or that hears beats
 * late, has echoed late as well. A master that does not say what it hears is believed to hear.
 */
function unheardEcho(turn: Turn, { echo }: FollowStream, beat: Beat): FollowStream['echo'] {
  if (beat.heard === 0) return undefined
  const isHeard = echo === undefined || beat.heard >= echo.beat
  return isHeard ? { beat: beat.number, sentAtMs: turn.nowMs } : echo
}

/** What a master has confirmed, as far as it is here. */
function learnConfirm(turn: Turn, offset: CommitLogOffset): void {
  turn.confirm(offset < turn.log.maxOffset ? offset : turn.log.maxOffset)
}
