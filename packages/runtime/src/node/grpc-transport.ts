import type { Logger } from '../logger.ts'
import type { Connection, Listener, ListenOptions, Transport } from '../transport.ts'
import { parseAddress } from './address.ts'
import { GrpcChannel } from './grpc-channel.ts'
import { GrpcConnection } from './grpc-connection.ts'
import { GrpcListener } from './grpc-listener.ts'
import { TlsIdentities } from './tls-identity.ts'

/** Calls over gRPC. Connections to one address share one HTTP/2 session. */
export class GrpcTransport implements Transport {
  readonly #log: Logger
  readonly #identities: TlsIdentities
  readonly #channels = new Map<string, SharedChannel>()
  readonly #connections = new Set<GrpcConnection>()
  readonly #listeners = new Set<GrpcListener>()

  /** `identities`: for clients that come with TLS; self-signed unless given. */
  constructor(log: Logger, identities = new TlsIdentities(log)) {
    this.#log = log
    this.#identities = identities
  }

  connect(address: string): Connection {
    parseAddress(address)
    const shared = this.#channels.get(address) ?? { channel: new GrpcChannel(address), users: 0 }
    shared.users += 1
    this.#channels.set(address, shared)
    const connection = new GrpcConnection(shared.channel, () => {
      this.#connections.delete(connection)
      shared.users -= 1
      if (shared.users > 0) return
      this.#channels.delete(address)
      shared.channel.close()
    })
    this.#connections.add(connection)
    return connection
  }

  async listen(options: ListenOptions): Promise<Listener> {
    await this.#identities.check()
    const listener = await GrpcListener.open(options, {
      log: this.#log,
      identities: this.#identities,
    })
    this.#listeners.add(listener)
    return listener
  }

  /** Closes all that was opened here. */
  async close(): Promise<void> {
    for (const connection of this.#connections) connection.close()
    await Promise.all([...this.#listeners].map((listener) => listener.close()))
    this.#listeners.clear()
  }
}

interface SharedChannel {
  readonly channel: GrpcChannel
  users: number
}
