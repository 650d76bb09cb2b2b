import type { Handler, Listener, ListenOptions, Transport } from './transport.ts'

/** Where clients come in that nobody has given another way. */
export const CLIENTS_LISTENER = 'clients'

/** One address to listen on; its name tells which way callers came. */
export interface NamedAddress {
  readonly name: string
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string
}

/** The same services at several addresses. The first is the one that all others can do without. */
export class ListenerSet {
  readonly #listeners: ReadonlyMap<string, Listener>

  private constructor(listeners: ReadonlyMap<string, Listener>) {
    this.#listeners = listeners
  }

  /** Listens at all of them, or at none. Throws `CONFIG_INVALID`. */
  static async open(
    transport: Transport,
    addresses: readonly NamedAddress[],
    services: Pick<ListenOptions, 'reflection'> & { readonly handlers: readonly Handler[] },
  ): Promise<ListenerSet> {
    const listeners = new Map<string, Listener>()
    try {
      for (const { name, listen } of addresses) {
        listeners.set(name, await transport.listen({ ...services, name, address: listen }))
      }
      return new ListenerSet(listeners)
    } catch (thrown) {
      for (const listener of listeners.values()) await listener.close()
      throw thrown
    }
  }

  /** With the port that was taken; empty for a name that is not there. */
  address(name: string): string {
    return this.#listeners.get(name)?.address ?? ''
  }

  setServing(isServing: boolean): void {
    for (const listener of this.#listeners.values()) listener.setServing(isServing)
  }

  async drain(): Promise<void> {
    await Promise.all([...this.#listeners.values()].map((listener) => listener.drain()))
  }

  async close(): Promise<void> {
    await Promise.all([...this.#listeners.values()].map((listener) => listener.close()))
  }
}
