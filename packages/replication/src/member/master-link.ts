import { crc32 } from 'node:zlib'
import { CometError, followMethod, type MasterFrame as WireMasterFrame } from '@cometmq/protocol'
import type { Connection, MessageStream, Transport } from '@cometmq/runtime'
import type { Hello, MasterFrame, SlaveFrame } from '../frames.ts'
import {
  fromWireMasterFrame,
  type GroupName,
  type TailSum,
  toWireSlaveFrame,
} from './wire-frames.ts'

type WireSlaveFrame = Parameters<typeof followMethod.encodeRequest>[0]

export interface MasterLinkEvents {
  frame(frame: MasterFrame): void
  /** Once, and nothing after it. `refused`: nothing listens there. */
  ended(why: 'closed' | 'refused', error: CometError | undefined): void
}

/** The stream of this slave to its master, on a connection of its own. */
export class MasterLink {
  readonly #group: GroupName
  readonly #events: MasterLinkEvents
  readonly #connection: Connection
  readonly #stream: MessageStream<WireSlaveFrame, WireMasterFrame>
  /** What the master says of the end of its log where it is to agree with this one's. */
  masterTail: TailSum = { from: 0, checksum: 0 }
  #isOver = false

  constructor(
    transport: Transport,
    to: { readonly address: string; readonly group: GroupName; readonly hello: Hello },
    events: MasterLinkEvents,
  ) {
    this.#group = to.group
    this.#events = events
    this.#connection = transport.connect(to.address)
    this.#stream = this.#connection.open(followMethod)
    this.#stream.receive({
      message: (frame) => this.#take(frame),
      ended: () => this.#end(undefined),
      failed: (error) => this.#end(error),
    })
    this.send(to.hello)
  }

  send(frame: SlaveFrame): void {
    // Few and small: the window never fills with them.
    if (!this.#isOver) this.#stream.send(toWireSlaveFrame(frame, this.#group, this.masterTail))
  }

  /** Without an event. */
  leave(): void {
    if (this.#isOver) return
    this.#isOver = true
    // What was sent last still leaves, a goodbye above all.
    this.#stream.end()
    void this.#stream.flushed().then(() => this.#connection.close())
  }

  #take(wire: WireMasterFrame): void {
    if (this.#isOver) return
    const { message } = wire
    try {
      if (message.kind === 'data' && crc32(message.records) !== message.checksum) {
        throw new CometError('CHECKSUM_MISMATCH', 'records of the master were changed on the way')
      }
      const frame = fromWireMasterFrame(wire)
      if (message.kind === 'welcome') {
        this.masterTail = { from: message.tailFrom, checksum: message.tailChecksum }
      }
      this.#events.frame(frame)
    } catch (thrown) {
      if (!(thrown instanceof CometError)) throw thrown
      this.#end(thrown)
    }
  }

  #end(error: CometError | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#connection.close()
    this.#events.ended(error?.isRefused === true ? 'refused' : 'closed', error)
  }
}
