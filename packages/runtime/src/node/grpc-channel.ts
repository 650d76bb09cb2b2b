import { Client, connectivityState, credentials } from '@grpc/grpc-js'
import { clientOptions, CONNECT_TIMEOUT_MS } from './grpc-options.ts'

/**
 * The way to one address: a grpc-js client, which connects when it is used and again after each
 * break.
 *
 * grpc-js waits for ever for a host that swallows packets and for a process that is stopped, which
 * accepts connections and never answers. So a client that is still connecting after
 * `CONNECT_TIMEOUT_MS` is replaced; its calls fail as never sent.
 */
export class GrpcChannel {
  readonly address: string
  #client: Client
  #watch: NodeJS.Timeout | undefined

  constructor(address: string) {
    this.address = address
    this.#client = this.#newClient()
  }

  /** For one call, which must be started at once. */
  client(): Client {
    const client = this.#client
    if (client.getChannel().getConnectivityState(false) !== connectivityState.READY) {
      this.#watch ??= setTimeout(() => this.#giveUpConnecting(), CONNECT_TIMEOUT_MS).unref()
    }
    return client
  }

  close(): void {
    clearTimeout(this.#watch)
    this.#client.close()
  }

  #giveUpConnecting(): void {
    this.#watch = undefined
    const stuck = this.#client
    if (stuck.getChannel().getConnectivityState(false) !== connectivityState.CONNECTING) return
    this.#client = this.#newClient()
    stuck.close()
  }

  #newClient(): Client {
    return new Client(this.address, credentials.createInsecure(), clientOptions)
  }
}
