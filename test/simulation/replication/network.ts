import { commitLogOffset } from '@cometmq/protocol'
import {
  type Action,
  type Happening,
  type Hello,
  inspectionOf,
  isReigning,
  type MasterFrame,
  type SlaveFrame,
} from '@cometmq/replication'
import type { SeededRandom } from '@cometmq/simulation'
import type { MemberProcess, RecordsOf } from './member-process.ts'

/** A connection of a slave to whoever it reached. */
interface Stream {
  readonly id: number
  readonly slave: MemberProcess
  /** As the slave's core numbers it. */
  readonly number: number
  readonly reached: number
  master: MemberProcess | undefined
  /** The next record to send; undefined before the master says from where. */
  next: number | undefined
  /** What the checksum of the welcome stands for. */
  tail: readonly number[] | undefined
  isOpen: boolean
}

type Message =
  | { readonly kind: 'open'; readonly stream: Stream; readonly hello: Hello }
  | { readonly kind: 'to-slave'; readonly stream: Stream; readonly frame: MasterFrame }
  | { readonly kind: 'to-master'; readonly stream: Stream; readonly frame: SlaveFrame }
  | { readonly kind: 'slave-ended'; readonly stream: Stream }
  | {
      readonly kind: 'stream-ended'
      readonly stream: Stream
      readonly why: 'closed' | 'refused'
    }
  | {
      readonly kind: 'inspect'
      readonly asker: MemberProcess
      readonly asked: number
      readonly round: number
      readonly epoch: number
    }
  | {
      readonly kind: 'inspection'
      readonly asker: MemberProcess
      readonly happening: Extract<Happening, { kind: 'inspected' }>
    }

/** What a link holds at most; more is lost with the connection that sent it. */
const MAX_QUEUED = 60

/** Links between members: in order, late by any time, blocked one way, or cut. */
export class Network {
  readonly #random: SeededRandom
  readonly #find: (brokerId: number) => MemberProcess | undefined
  readonly #misdirected: number
  readonly #memberCount: number
  readonly #links = new Map<string, Message[]>()
  readonly #blocked = new Set<string>()
  #streams: Stream[] = []
  #lastId = 0

  constructor(options: {
    readonly random: SeededRandom
    readonly memberCount: number
    readonly misdirected: number
    readonly find: (brokerId: number) => MemberProcess | undefined
  }) {
    this.#random = options.random
    this.#find = options.find
    this.#misdirected = options.misdirected
    this.#memberCount = options.memberCount
  }

  /** Delivers one message of some link that is not blocked; false if there is none. */
  deliver(): boolean {
    const ready = [...this.#links].filter(
      ([link, queue]) => queue.length > 0 && !this.#blocked.has(link),
    )
    if (ready.length === 0) return false
    const [, queue] = this.#random.pick(ready)
    const message = queue.shift()
    if (message !== undefined) this.#arrive(message)
    return true
  }

  block(from: number, to: number): void {
    this.#blocked.add(`${from}>${to}`)
  }

  unblock(): void {
    const all = [...this.#blocked]
    if (all.length === 0) return
    if (this.#random.chance(0.5)) this.#blocked.clear()
    else this.#blocked.delete(this.#random.pick(all))
  }

  heal(): void {
    this.#blocked.clear()
  }

  /** Breaks what two members have between them: everything on its way is lost. */
  cut(): void {
    const open = this.#streams.filter(({ isOpen }) => isOpen)
    if (open.length === 0) return
    this.#break(this.#random.pick(open))
  }

  /** Tells a slave that nothing listens where its master does. */
  slander(process: MemberProcess): void {
    const stream = this.#streams.find((each) => each.slave === process && each.isOpen)
    if (stream === undefined) return
    this.#drop(stream)
    process.happen({ kind: 'stream-ended', stream: stream.number, why: 'refused' })
    this.#send(stream.slave.brokerId, stream.reached, { kind: 'slave-ended', stream })
  }

  /** Sends a few records on some stream. */
  pushSome(): boolean {
    const ready = this.#streams.filter(
      ({ isOpen, master, next }) =>
        isOpen && master?.isUp === true && next !== undefined && next < master.disk.log.length,
    )
    if (ready.length === 0) return false
    this.#push(this.#random.pick(ready))
    return true
  }

  died(process: MemberProcess): void {
    for (const stream of this.#streams) {
      if (!stream.isOpen) continue
      if (stream.slave === process) {
        stream.isOpen = false
        this.#send(process.brokerId, stream.reached, { kind: 'slave-ended', stream })
      } else if (stream.master === process) {
        stream.isOpen = false
        const ended = { kind: 'stream-ended', stream, why: 'closed' } as const
        this.#send(process.brokerId, stream.slave.brokerId, ended)
      }
    }
    this.#forget()
  }

  follow(slave: MemberProcess, action: Extract<Action, { kind: 'follow' }>): void {
    const reached = this.#whereTo(slave, action.brokerId)
    this.#lastId += 1
    const stream: Stream = {
      id: this.#lastId,
      slave,
      number: action.stream,
      reached,
      master: undefined,
      next: undefined,
      tail: undefined,
      isOpen: true,
    }
    this.#streams.push(stream)
    this.#send(slave.brokerId, reached, { kind: 'open', stream, hello: action.hello })
  }

  toMaster(slave: MemberProcess, number: number, frame: SlaveFrame): void {
    const stream = this.#streams.find((each) => each.slave === slave && each.number === number)
    if (stream?.isOpen)
      this.#send(slave.brokerId, stream.reached, { kind: 'to-master', stream, frame })
  }

  toSlave(master: MemberProcess, id: number, frame: MasterFrame): void {
    const stream = this.#streams.find((each) => each.id === id)
    if (!stream?.isOpen) return
    if (frame.message.kind === 'welcome') {
      stream.tail = master.disk.log.slice(0, frame.message.cutTo).map(({ id }) => id)
    }
    this.#send(master.brokerId, stream.slave.brokerId, { kind: 'to-slave', stream, frame })
  }

  startPush(id: number, from: number): void {
    const stream = this.#streams.find((each) => each.id === id)
    if (stream !== undefined) stream.next = from
  }

  leave(slave: MemberProcess, number: number): void {
    const stream = this.#streams.find((each) => each.slave === slave && each.number === number)
    if (!stream?.isOpen) return
    stream.isOpen = false
    this.#send(slave.brokerId, stream.reached, { kind: 'slave-ended', stream })
    this.#forget()
  }

  close(master: MemberProcess, id: number): void {
    const stream = this.#streams.find((each) => each.id === id)
    if (!stream?.isOpen) return
    // What was sent before still arrives.
    stream.next = undefined
    const ended = { kind: 'stream-ended', stream, why: 'closed' } as const
    this.#send(master.brokerId, stream.slave.brokerId, ended)
  }

  /** Whether a slave's log is, so far, what its master's was when it answered the hello. */
  matchesTail(slave: MemberProcess, number: number, to: number): boolean {
    const stream = this.#streams.find((each) => each.slave === slave && each.number === number)
    const tail = stream?.tail ?? []
    return tail.slice(0, to).every((id, at) => slave.disk.log[at]?.id === id)
  }

  inspect(asker: MemberProcess, round: number, brokerIds: readonly number[]): void {
    const epoch = asker.state.member.lastSeenEpoch
    for (const asked of brokerIds) {
      this.#send(asker.brokerId, asked, { kind: 'inspect', asker, asked, round, epoch })
    }
  }

  /** Addresses may be another's by now; worst of all a member's that was master once. */
  #whereTo({ brokerId }: MemberProcess, dialled: number): number {
    if (!this.#random.chance(this.#misdirected)) return dialled
    const ids = Array.from({ length: this.#memberCount }, (_, index) => index + 1)
    const ghosts = ids.filter((id) => {
      const role = this.#find(id)?.role
      return id !== brokerId && id !== dialled && role !== undefined && isReigning(role)
    })
    return ghosts.length > 0 ? this.#random.pick(ghosts) : dialled
  }

  #send(from: number, to: number, message: Message): void {
    const link = `${from}>${to}`
    const queue = this.#links.get(link) ?? []
    this.#links.set(link, queue)
    if (queue.length >= MAX_QUEUED && 'frame' in message) this.#break(message.stream)
    else queue.push(message)
  }

  #arrive(message: Message): void {
    switch (message.kind) {
      case 'open':
        return this.#open(message.stream, message.hello)
      case 'to-slave': {
        const { stream, frame } = message
        stream.slave.happen({ kind: 'stream-frame', stream: stream.number, frame })
        return
      }
      case 'to-master': {
        const { stream, frame } = message
        stream.master?.happen({ kind: 'slave-frame', stream: stream.id, frame })
        return
      }
      case 'slave-ended':
        message.stream.master?.happen({ kind: 'slave-ended', stream: message.stream.id })
        return
      case 'stream-ended': {
        const { stream, why } = message
        stream.isOpen = false
        stream.slave.happen({ kind: 'stream-ended', stream: stream.number, why })
        return this.#forget()
      }
      case 'inspect':
        return this.#answer(message)
      case 'inspection':
        return message.asker.happen(message.happening)
    }
  }

  #open(stream: Stream, hello: Hello): void {
    if (!stream.isOpen) return
    const master = this.#find(stream.reached)
    if (master === undefined) {
      const ended = { kind: 'stream-ended', stream, why: 'refused' } as const
      return this.#send(stream.reached, stream.slave.brokerId, ended)
    }
    stream.master = master
    master.happen({ kind: 'slave-frame', stream: stream.id, frame: hello })
  }

  /** Every member answers from memory, in whatever role it is. */
  #answer({ asker, asked, round, epoch }: Extract<Message, { kind: 'inspect' }>): void {
    const process = this.#find(asked)
    if (process === undefined) return
    process.happen({ kind: 'epoch-seen', epoch })
    const inspection = inspectionOf(process.context, process.state)
    const happening = { kind: 'inspected', round, inspection } as const
    this.#send(asked, asker.brokerId, { kind: 'inspection', asker, happening })
  }

  #push(stream: Stream): void {
    const { master, next } = stream
    if (master === undefined || next === undefined) return
    const { log, history } = master.disk
    const wroteIt = history.at(commitLogOffset(next))
    if (wroteIt === undefined) return
    const end = history.endOf(wroteIt, commitLogOffset(log.length))
    const entries = log.slice(next, Math.min(end, next + 1 + this.#random.below(3)))
    const records: RecordsOf = { byteLength: entries.length, entries }
    const { confirmOffset } = master.state.log
    const { role } = master
    const epoch = 'reign' in role ? role.reign.epoch : 0
    this.#send(master.brokerId, stream.slave.brokerId, {
      kind: 'to-slave',
      stream,
      frame: {
        epoch,
        confirmOffset,
        maxOffset: commitLogOffset(log.length),
        message: { kind: 'data', offset: commitLogOffset(next), wroteIt, records },
      },
    })
    stream.next = next + entries.length
    master.happen({ kind: 'pushed', stream: stream.id, to: commitLogOffset(stream.next) })
  }

  #break(stream: Stream): void {
    this.#drop(stream)
    const { slave, reached } = stream
    this.#send(reached, slave.brokerId, { kind: 'stream-ended', stream, why: 'closed' })
    this.#send(slave.brokerId, reached, { kind: 'slave-ended', stream })
  }

  #drop(stream: Stream): void {
    stream.isOpen = false
    for (const [link, queue] of this.#links) {
      const kept = queue.filter((message) => !('stream' in message) || message.stream !== stream)
      this.#links.set(link, kept)
    }
  }

  /** Streams that ended and that no message names any more. */
  #forget(): void {
    if (this.#streams.length < 40) return
    this.#streams = this.#streams.filter(({ isOpen }) => isOpen)
  }
}
