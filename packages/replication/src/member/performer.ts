import { CometError } from '@cometmq/protocol'
import type { Action } from '../actions.ts'
import type { Happening } from '../events.ts'
import type { ReplicaState } from '../replica.ts'
import { addressOf } from './addresses.ts'
import { inspectMember } from './asking.ts'
import { ElectorCalls } from './elector-calls.ts'
import { MasterLink } from './master-link.ts'
import { type MemberHome, writeMemberFile } from './member-file.ts'
import type { MemberEnding, MemberOptions, MemberPorts } from './ports.ts'
import { RawAppends } from './raw-appends.ts'
import { type SlaveStream, SlaveStreams } from './slave-streams.ts'
import { checkTail } from './tail-check.ts'

type Follow = Extract<Action, { kind: 'follow' }>
type CheckTail = Extract<Action, { kind: 'check-tail' }>
/** What must be done before anything else is, and may fail. */
const WAITED_FOR = [
  'keep-member',
  'truncate',
  'append-raw',
  'append-opening',
  'forget-confirmed',
  'start-over',
] as const
type WaitedFor = Extract<Action, { kind: (typeof WAITED_FOR)[number] }>

/** What actions are carried out upon. */
export interface PerformerParts {
  readonly ports: MemberPorts
  readonly options: MemberOptions
  readonly home: MemberHome
  readonly state: () => ReplicaState
  readonly happen: (happening: Happening) => void
  readonly end: (ending: MemberEnding) => void
}

/** A damaged end of the log is compared again when it had this time to be mended. */
const TAIL_AGAIN_MS = 1_000

/** Does what the core decides: one case for each action, and no decision of its own. */
export class Performer {
  readonly #parts: PerformerParts
  readonly #calls: ElectorCalls
  readonly #slaves: SlaveStreams
  readonly #appends: RawAppends
  readonly #closed = new AbortController()
  #link: { readonly stream: number; readonly master: string; readonly link: MasterLink } | undefined

  constructor(parts: PerformerParts) {
    const { ports, options, happen } = parts
    const { cluster, brokerName, limits } = options
    this.#parts = parts
    this.#calls = new ElectorCalls(ports.elector, ports.log, happen)
    this.#appends = new RawAppends({
      log: ports.store.log,
      clock: ports.clock,
      signal: this.#closed.signal,
    })
    this.#slaves = new SlaveStreams(
      {
        log: ports.store.log,
        logger: ports.log,
        group: { cluster, brokerName },
        limits,
        logState: () => parts.state().log,
      },
      {
        frame: (stream, frame) => happen({ kind: 'slave-frame', stream, frame }),
        ended: (stream) => happen({ kind: 'slave-ended', stream }),
        pushed: (stream, to) => happen({ kind: 'pushed', stream, to }),
      },
    )
  }

  acceptSlave(stream: SlaveStream): void {
    this.#slaves.accept(stream)
  }

  /** A promise where the next action has to wait. */
  perform(action: Action): Promise<void> | undefined {
    if (isWaitedFor(action)) return this.#performWaitedFor(action)
    this.#performAtOnce(action)
    return undefined
  }

  async close(): Promise<void> {
    this.#closed.abort()
    this.#link?.link.leave()
    this.#slaves.closeAll()
    await this.#calls.close()
  }

  #performWaitedFor(action: WaitedFor): Promise<void> {
    const { ports, home } = this.#parts
    switch (action.kind) {
      case 'keep-member':
        return writeMemberFile(ports.files, home, action.member)
      case 'truncate':
        return ports.store.log.truncateTo(action.to)
      case 'append-raw':
        return this.#appends.append(action)
      case 'append-opening':
        return this.#openEpoch(action.epoch)
      case 'forget-confirmed':
        return this.#forgetConfirmed(action.to)
      case 'start-over':
        return this.#startOver()
    }
  }

  #performAtOnce(action: Exclude<Action, WaitedFor>): void {
    const { store, duties, log } = this.#parts.ports
    switch (action.kind) {
      // The store does both by itself: an entry before its first byte, and the tail view always.
      case 'append-epoch':
      case 'complete-tail':
        return
      case 'check-tail':
        void this.#checkTail(action)
        return
      case 'confirm':
        return store.log.confirm(action.offset)
      case 'accept-writes':
        return store.log.release()
      case 'hold-writes':
        return this.#whenStill(store.log.hold(), action.number)
      case 'refuse-writes':
        return this.#whenStill(store.log.follow(), action.number)
      case 'start-services':
        return duties.begin()
      case 'stop-services':
        return duties.end()
      case 'register':
        return duties.roleChanged()
      case 'follow':
        return this.#follow(action)
      case 'send-to-master':
        if (this.#link?.stream === action.stream) this.#link.link.send(action.frame)
        return
      case 'leave-stream':
        return this.#leave(action.stream)
      case 'send-to-slave':
        return this.#slaves.send(action.stream, action.frame)
      case 'push':
        return this.#slaves.push(action.stream, action.from)
      case 'close-slave':
        return this.#slaves.close(action.stream)
      case 'swap':
        return this.#calls.swap(action.number, action.transaction)
      case 'read':
        return this.#calls.read()
      case 'inspect':
        for (const brokerId of action.brokerIds) void this.#inspect(action.round, brokerId)
        return
      case 'alarm':
        return log.warn({ alarm: action.name, why: action.why }, 'broker group alarm')
      case 'stop':
        return this.#parts.end({ kind: action.cleanly ? 'stopped' : 'failed' })
    }
  }

  async #openEpoch(epoch: number): Promise<void> {
    const { happen, ports, state } = this.#parts
    const { log } = ports.store
    const { brokerId = 0, incarnation } = state().member
    const { endOffset: end } = await log.lead({ epoch, openedBy: { brokerId, incarnation } })
    happen({ kind: 'epoch-opened', epoch, end })
    happen({ kind: 'appended', maxOffset: log.offsets.max })
  }

  /** What consumers have seen of it is built into the state, so that comes anew as well. */
  async #forgetConfirmed(to: number): Promise<void> {
    await this.#parts.ports.store.log.keepFrom(to)
    return this.#startOver()
  }

  /**
   * Nothing of this log is of use any more. From here on nobody may elect this member for what it had
   * acknowledged, and nothing that was decided after this is done.
   */
  async #startOver(): Promise<void> {
    const { end, state, ports, home } = this.#parts
    const { member, elector } = state()
    const trustedSince = member.incarnation + 1
    await writeMemberFile(ports.files, home, { ...member, trustedSince })
    const master = elector.view?.state?.value.master
    const from = master === undefined ? undefined : addressOf(state(), master)
    end(from === undefined ? { kind: 'failed' } : { kind: 'starts-over', from })
    await new Promise(() => {})
  }

  /** Where it stays unclear the stream is left, and dialled again. */
  async #checkTail({ stream, to }: CheckTail): Promise<void> {
    const { happen, ports, options } = this.#parts
    if (this.#link?.stream !== stream) return
    const { link, master } = this.#link
    const { cluster, brokerName } = options
    const { signal } = this.#closed
    const check = { master, group: { cluster, brokerName }, tail: link.masterTail, to }
    try {
      const found = await checkTail(ports, check, signal)
      if (found !== 'unclear') {
        happen({ kind: 'tail-checked', stream, matches: found === 'matches' })
        return
      }
      await ports.clock.sleep(TAIL_AGAIN_MS, signal)
    } catch (error) {
      if (signal.aborted) return
      ports.log.error({ error }, 'the end of the log cannot be read')
      happen({ kind: 'tail-checked', stream, matches: false })
      return
    }
    if (this.#link?.stream !== stream) return
    this.#leave(stream)
    happen({ kind: 'stream-ended', stream, why: 'closed' })
  }

  #whenStill(still: Promise<void>, number: number): void {
    const { happen, ports } = this.#parts
    const { log } = ports.store
    const told = (): void => {
      happen({ kind: 'appending-stopped', number, maxOffset: log.offsets.max })
    }
    // A store that has stopped says so itself.
    still.then(told, () => {})
  }

  #follow({ stream, brokerId, hello }: Follow): void {
    const { ports, options, happen, state } = this.#parts
    const { cluster, brokerName } = options
    const address = addressOf(state(), brokerId)
    const ended = (why: 'closed' | 'refused'): void => {
      if (this.#link?.stream === stream) this.#link = undefined
      happen({ kind: 'stream-ended', stream, why })
    }
    if (address === undefined) return ended('closed')
    this.#link?.link.leave()
    const link = new MasterLink(
      ports.transport,
      { address, group: { cluster, brokerName }, hello },
      {
        frame: (frame) => happen({ kind: 'stream-frame', stream, frame }),
        ended: (why, error) => {
          ports.log.debug({ master: address, why, error }, 'stream to the master has ended')
          ended(why)
        },
      },
    )
    this.#link = { stream, master: address, link }
  }

  #leave(stream: number): void {
    if (this.#link?.stream !== stream) return
    this.#link.link.leave()
    this.#link = undefined
  }

  async #inspect(round: number, brokerId: number): Promise<void> {
    const { ports, options, happen, state } = this.#parts
    const address = addressOf(state(), brokerId)
    if (address === undefined) return
    const { member } = state()
    try {
      const inspection = await inspectMember(ports.transport, ports.methods.Inspect, {
        address,
        brokerName: options.brokerName,
        from: member.brokerId ?? 0,
        epoch: member.lastSeenEpoch,
        timeoutMs: options.settings.inspectMs,
      })
      happen({ kind: 'inspected', round, inspection })
    } catch (error) {
      ports.log.debug({ brokerId, address, error }, 'a member does not say how it is')
      const isGone = error instanceof CometError && error.isRefused
      if (isGone) happen({ kind: 'member-gone', brokerId })
    }
  }
}

function isWaitedFor(action: Action): action is WaitedFor {
  return WAITED_FOR.some((kind) => kind === action.kind)
}
