import { CometError, type Services } from '@cometmq/protocol'
import type { Logger, MessageStream, Transport } from '@cometmq/runtime'
import type { GroupName } from './wire-frames.ts'

type TakeOverlayMethod = Services['replication']['TakeOverlay']
type Part = Parameters<TakeOverlayMethod['encodeResponse']>[0]
type Request = Parameters<TakeOverlayMethod['encodeRequest']>[0]
export type OverlayStream = MessageStream<Part, Request>

/**
 * What a slave was told while it stood in for its master, and under which number. What the changes
 * are is the business of brokers.
 */
export interface GivenOverlay {
  readonly storeId: string
  readonly number: number
  /** Each the body of a change record. */
  readonly changes: readonly Buffer[]
}

/** The broker around a member, as far as it may have stood in for a master. */
export interface OverlaySource {
  /** Right now. */
  readonly standsIn: boolean
  /** It stands in no longer when this resolves. `undefined`: nothing is kept. */
  giveOverlay(): Promise<GivenOverlay | undefined>
}

/** Gives the overlay to a master that has come back. */
export function serveOverlay(
  log: Logger,
  stream: OverlayStream,
  { group, source }: { readonly group: GroupName; readonly source: OverlaySource | undefined },
): void {
  const give = async ({ cluster, brokerName }: Request): Promise<void> => {
    if (cluster !== group.cluster || brokerName !== group.brokerName) {
      const why = `this is a member of "${group.brokerName}" in cluster "${group.cluster}"`
      throw new CometError('NOT_ALLOWED', why)
    }
    const given = await source?.giveOverlay()
    if (given !== undefined) {
      const { storeId, number } = given
      stream.send({ origin: { storeId, number } })
      for (const changes of given.changes) {
        if (!stream.send({ changes })) await stream.writable()
      }
      log.info({ storeId, number }, 'the overlay was given to the master')
    }
    stream.send({ end: {} })
    stream.end()
  }
  stream.receive({
    message: (request) => {
      give(request).catch((error: unknown) => {
        log.warn({ error }, 'the overlay could not be given')
        stream.cancel(error instanceof CometError ? error : undefined)
      })
    },
    ended: () => {},
    failed: () => {},
  })
}

/**
 * Takes the overlay of another member. `undefined`: it has none. Throws what the other member says,
 * `CONNECT_FAILED`, `MALFORMED_REQUEST`; `CANCELLED` when the signal is aborted.
 */
export async function takeOverlay(
  transport: Transport,
  method: TakeOverlayMethod,
  asked: { readonly group: GroupName; readonly from: string; readonly signal: AbortSignal },
): Promise<GivenOverlay | undefined> {
  const { group, from, signal } = asked
  const connection = transport.connect(from)
  try {
    return await new Promise((resolve, reject) => {
      const stream = connection.open(method)
      const arrived = new ArrivingOverlay()
      stream.receive({
        message: (part) => {
          const isEnd = arrived.take(part)
          if (isEnd) resolve(arrived.overlay)
        },
        ended: () => reject(new CometError('MALFORMED_REQUEST', 'the overlay broke off')),
        failed: reject,
      })
      signal.addEventListener('abort', () => {
        stream.cancel()
        reject(new CometError('CANCELLED', `${from} has not given its overlay in time`))
      })
      stream.send({ ...group })
      stream.end()
    })
  } finally {
    connection.close()
  }
}

class ArrivingOverlay {
  readonly #changes: Buffer[] = []
  #origin: { readonly storeId: string; readonly number: number } | undefined

  get overlay(): GivenOverlay | undefined {
    return this.#origin === undefined ? undefined : { ...this.#origin, changes: this.#changes }
  }

  /** Whether it was the last part. */
  take({ origin, changes, end }: Part): boolean {
    if (origin) this.#origin = { storeId: origin.storeId ?? '', number: Number(origin.number) }
    else if (Buffer.isBuffer(changes)) this.#changes.push(changes)
    return Boolean(end)
  }
}
