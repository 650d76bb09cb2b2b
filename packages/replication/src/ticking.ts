import { tendCommand } from './commands.ts'
import { enterGroup, followOn, keepPlace } from './elector-events.ts'
import type { Happening } from './events.ts'
import { drainOn, mayStopAsMaster, seekHandOver } from './hand-over.ts'
import { pressOn } from './promotion.ts'
import { canServe, frameOf, isReigning, peersUntilMs, type Reigning, updateReign } from './reign.ts'
import { keepSet } from './set-keeping.ts'
import type { Following } from './replica.ts'
import { repeatUnknownSwap } from './swaps.ts'
import type { Turn } from './turn.ts'
import { readInTime } from './views.ts'

type Tick = Extract<Happening, { kind: 'tick' }>

const REMEMBERED_BEATS = 16

/** What is due, be it only that time has passed. */
export function onTick(turn: Turn, { lease, disk }: Tick): void {
  const { tickedAtMs, disk: before } = turn.state
  const { tickMs, lateMs } = turn.settings
  if (turn.nowMs - tickedAtMs > tickMs + lateMs) forgiveSilence(turn)
  if (disk.isFull && !before.isFull) turn.alarm('disk_full', 'nothing can be appended')
  if (disk.isStalled && !before.isStalled) turn.alarm('flush_stalled', 'nothing can be flushed')
  const stalledSinceMs = disk.isStalled ? (before.stalledSinceMs ?? turn.nowMs) : undefined
  turn.update({ tickedAtMs: turn.nowMs, lease, disk: { ...disk, stalledSinceMs } })
  repeatUnknownSwap(turn)
  readInTime(turn)
  keepPlace(turn)
  tickRole(turn)
  stopIfMay(turn)
}

/** Ends the process once nobody is left waiting for it. */
export function stopIfMay(turn: Turn): void {
  const { role, stopWantedAtMs } = turn.state
  if (stopWantedAtMs === undefined || role.kind === 'stopped' || role.kind === 'promoting') return
  if (isReigning(role) && !mayStopAsMaster(turn)) return
  if (role.kind === 'following') {
    if (role.settlesLog !== undefined || !maySayGoodbye(turn, role)) return
    if (role.stream !== undefined) {
      turn.act({
        kind: 'send-to-master',
        stream: role.stream.number,
        frame: { kind: 'leaving' },
      })
    }
  }
  if (isReigning(role)) {
    // Nothing is confirmed any more: whoever waits for it, or for the end of a hand-over, is told.
    turn.act({ kind: 'refuse-writes', number: turn.nextNumber() })
    turn.act({ kind: 'stop-services' })
  }
  turn.act({ kind: 'stop', cleanly: true })
  turn.become({ kind: 'stopped' })
}

/**
 * Who is in the in-sync set is waited for until its master knows that it goes. After a hand-over the
 * next master has to be found first.
 */
function maySayGoodbye(turn: Turn, { stream }: Following): boolean {
  const { stopWantedAtMs = 0 } = turn.state
  const isAwaited = turn.group?.inSync.has(turn.me) === true && turn.group.inSync.size > 1
  const isLate = turn.nowMs - stopWantedAtMs >= turn.settings.shutdownMs
  return !isAwaited || isLate || stream?.phase === 'streaming'
}

function tickRole(turn: Turn): void {
  const { role } = turn.state
  switch (role.kind) {
    case 'joining':
      return enterGroup(turn)
    case 'following':
      return followOn(turn, role)
    case 'candidate':
      return pressOn(turn, role)
    case 'master':
    case 'draining':
    case 'fenced':
      return tickMaster(turn, role)
    case 'recovering':
    case 'promoting':
    case 'quarantined':
    case 'stopped':
      return
  }
}

function tickMaster(turn: Turn, role: Reigning): void {
  beat(turn, role)
  keepSet(turn)
  tendCommand(turn)
  const { role: now } = turn.state
  if (now.kind === 'draining') return drainOn(turn, now)
  if (!isReigning(now)) return
  if (!mayAnswer(turn, now)) return turn.become({ kind: 'fenced', reign: now.reign })
  if (now.kind === 'master') return seekHandOver(turn, now)
  turn.become({ kind: 'master', reign: now.reign })
}

function mayAnswer(turn: Turn, { reign }: Reigning): boolean {
  return canServe(turn.state, peersUntilMs(turn, reign), turn.nowMs)
}

function beat(turn: Turn, { reign }: Reigning): void {
  const { beats } = reign
  if (turn.nowMs - beats.sentAtMs < turn.settings.beatMs) return
  const number = beats.number + 1
  const sent = new Map([...beats.sent, [number, turn.nowMs] as const].slice(-REMEMBERED_BEATS))
  updateReign(turn, { beats: { number, sentAtMs: turn.nowMs, sent } })
  const lostElector = turn.nowMs >= turn.state.lease.validUntilMs
  for (const { stream, isReady, heardBeat: heard } of reign.peers.values()) {
    if (!isReady) continue
    const frame = frameOf(turn, reign, { kind: 'beat', number, lostElector, heard })
    turn.act({ kind: 'send-to-slave', stream, frame })
  }
}

/** Who slept must not blame its peers: all of them start anew with their silence. */
function forgiveSilence(turn: Turn): void {
  const { role } = turn.state
  const { nowMs } = turn
  if (role.kind === 'following') {
    const heardAtMs = role.heardAtMs === undefined ? undefined : nowMs
    const { stream } = role
    const echo = stream?.echo && { ...stream.echo, sentAtMs: nowMs }
    turn.become({
      ...role,
      sinceMs: nowMs,
      heardAtMs,
      inquiry: undefined,
      broken: role.broken && { ...role.broken, atMs: nowMs },
      stream: stream && { ...stream, echo },
    })
  }
  if (isReigning(role)) {
    const ids = [...role.reign.heardAtMs.keys()]
    updateReign(turn, { heardAtMs: new Map(ids.map((id) => [id, nowMs])) })
  }
}
