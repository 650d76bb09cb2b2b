import { CometError, type Services } from '@cometmq/protocol'
import type { Clock, Logger, MessageStream } from '@cometmq/runtime'
import type { ExportedState, MessageStore } from '@cometmq/store'
import type { GroupName } from './wire-frames.ts'

type CheckpointMethod = Services['replication']['Checkpoint']
type Part = Parameters<CheckpointMethod['encodeResponse']>[0]
type Request = Parameters<CheckpointMethod['encodeRequest']>[0]
export type CheckpointStream = MessageStream<Part, Request>

const PART_BYTES = 256 * 1024
/** After a copy is complete, whoever has it comes back as a slave within this time. */
const RETURN_MS = 60_000

/** Gives copies of this member's store to members that start over. */
export class CheckpointSource {
  readonly #store: MessageStore
  readonly #clock: Clock
  readonly #log: Logger
  readonly #group: GroupName
  /** Where the logs of copies under way begin: nothing of that is deleted. */
  readonly #kept = new Set<{ readonly from: number }>()

  constructor(
    ports: { readonly store: MessageStore; readonly clock: Clock; readonly log: Logger },
    group: GroupName,
  ) {
    this.#store = ports.store
    this.#clock = ports.clock
    this.#log = ports.log
    this.#group = group
  }

  accept(stream: CheckpointStream): void {
    let isOver = false
    stream.receive({
      message: (request) => {
        this.#serve(stream, request, () => isOver).then(
          () => stream.end(),
          (error: unknown) => {
            if (isOver) return
            this.#log.warn({ error }, 'copy of the store given up')
            stream.cancel(error instanceof CometError ? error : undefined)
          },
        )
      },
      ended: () => {},
      failed: () => {
        isOver = true
      },
    })
  }

  async #serve(
    stream: CheckpointStream,
    { cluster, brokerName, logOnly, logFrom }: Request,
    isOver: () => boolean,
  ): Promise<void> {
    const group = this.#group
    if (cluster !== group.cluster || brokerName !== group.brokerName) {
      const why = `this is a member of "${group.brokerName}" in cluster "${group.cluster}"`
      throw new CometError('NOT_ALLOWED', why)
    }
    const send = async (part: Part): Promise<void> => {
      if (isOver()) throw new CometError('CANCELLED', 'whoever asked has gone')
      if (!stream.send(part)) await stream.writable()
    }
    if (logOnly === true) return this.#serveLog(Number(logFrom), send)
    const exported = await this.#store.log.exportState()
    const kept = { from: exported.baseOffset }
    this.#keep(kept)
    try {
      this.#log.info({ from: kept.from, applied: exported.applied }, 'copy of the store begins')
      await this.#sendState(exported, send)
      const bytes = await this.#sendLog(kept.from, exported.applied.appliedOffset, send)
      await send({ end: {} })
      this.#log.info({ bytes }, 'copy of the store is complete')
      this.#clock.schedule(RETURN_MS, () => this.#letGo(kept))
    } catch (error) {
      this.#letGo(kept)
      throw error
    }
  }

  async #sendState(
    { applied, baseOffset, epochs, rows }: ExportedState,
    send: (part: Part) => Promise<void>,
  ): Promise<void> {
    await send({ origin: { ...applied, baseOffset, epochs: [...epochs.entries] } })
    let keys: Buffer[] = []
    let values: Buffer[] = []
    let bytes = 0
    for await (const [key, value] of rows) {
      keys.push(key)
      values.push(value)
      bytes += key.length + value.length
      if (bytes < PART_BYTES) continue
      await send({ rows: { keys, values } })
      keys = []
      values = []
      bytes = 0
    }
    if (keys.length > 0) await send({ rows: { keys, values } })
  }

  /** What a master that comes back has lost of its log. */
  async #serveLog(from: number, send: (part: Part) => Promise<void>): Promise<void> {
    const { log } = this.#store
    const epochs = [...log.epochs.entries]
    const kept = { from }
    this.#keep(kept)
    try {
      await send({
        origin: { appliedOffset: from, epoch: 0, storeTimeMs: 0, baseOffset: from, epochs },
      })
      const bytes = await this.#sendLog(from, log.offsets.max, send)
      await send({ end: {} })
      this.#log.info({ from, bytes }, 'end of the log is given to another member')
    } finally {
      this.#letGo(kept)
    }
  }

  async #sendLog(from: number, to: number, send: (part: Part) => Promise<void>): Promise<number> {
    let at = from
    while (at < to) {
      const range = await this.#store.log.readRange(at, PART_BYTES)
      if (range === undefined) break
      const { from: offset, epoch, bytes: records } = range
      await send({ log: { offset, epoch, records } })
      at = range.to
    }
    return at - from
  }

  #keep(kept: { readonly from: number }): void {
    this.#kept.add(kept)
    this.#store.log.retainFrom(Math.min(...[...this.#kept].map(({ from }) => from)))
  }

  #letGo(kept: { readonly from: number }): void {
    this.#kept.delete(kept)
    this.#store.log.retainFrom(Math.min(...[...this.#kept].map(({ from }) => from)))
  }
}
