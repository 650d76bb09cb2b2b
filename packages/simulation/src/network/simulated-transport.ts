import { CometError } from '@cometmq/protocol'
import type { Connection, Listener, ListenOptions, Logger, Transport } from '@cometmq/runtime'
import type { ProcessLife } from '../process-life.ts'
import type { NetworkCore } from './network-core.ts'
import { SimulatedChannel } from './simulated-channel.ts'
import { SimulatedConnection } from './simulated-connection.ts'
import { SimulatedListener } from './simulated-listener.ts'

export interface SimulatedTransportOptions {
  readonly network: NetworkCore
  /** The machine's name, which is its address. */
  readonly host: string
  readonly life: ProcessLife
  readonly log: Logger
}

/** Names by which every machine calls itself. */
const OWN_NAMES = new Set(['localhost', '127.0.0.1', '0.0.0.0'])

/** The network as one process has it. Addresses are `machine:port`. */
export class SimulatedTransport implements Transport {
  readonly #options: SimulatedTransportOptions
  readonly #channels = new Map<string, { readonly channel: SimulatedChannel; users: number }>()

  constructor(options: SimulatedTransportOptions) {
    this.#options = options
  }

  connect(address: string): Connection {
    const shared = this.#channels.get(address) ?? { channel: this.#newChannel(address), users: 0 }
    shared.users += 1
    this.#channels.set(address, shared)
    const { life, network } = this.#options
    return new SimulatedConnection({
      channel: shared.channel,
      life,
      windowBytes: network.windowBytes,
      onClose: () => {
        shared.users -= 1
        if (shared.users > 0) return
        this.#channels.delete(address)
        shared.channel.close()
      },
    })
  }

  async listen(options: ListenOptions): Promise<Listener> {
    const { network, host: name, life, log } = this.#options
    await life.clock.yieldTurn()
    const wanted = parseAddress(options.address)
    const host = network.hosts.get(name)
    if (host === undefined || (wanted.host !== name && !OWN_NAMES.has(wanted.host))) {
      throw cannotListen(options.address, `${name} has no such address`)
    }
    const port = wanted.port === 0 ? network.freePort(host) : wanted.port
    if (host.listeners.has(port)) throw cannotListen(options.address, 'the port is taken')
    const listener = new SimulatedListener({
      address: `${wanted.host}:${port}`,
      name: options.name ?? '',
      port,
      handlers: options.handlers,
      life,
      log,
      windowBytes: network.windowBytes,
      onClose: () => {
        if (host.listeners.get(port) === listener) host.listeners.delete(port)
      },
    })
    host.listeners.set(port, listener)
    return listener
  }

  #newChannel(address: string): SimulatedChannel {
    const { network, host, life } = this.#options
    const { host: name, port } = parseAddress(address)
    const to = OWN_NAMES.has(name) ? host : name
    return new SimulatedChannel({ address, network, life, from: host, to, port })
  }
}

function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const [host = '', port, ...rest] = address.split(':')
  if (host === '' || port === undefined || !/^\d+$/.test(port) || rest.length > 0) {
    throw new CometError('CONFIG_INVALID', `"${address}" is no address; write host:port`)
  }
  return { host, port: Number(port) }
}

function cannotListen(address: string, why: string): CometError {
  return new CometError('CONFIG_INVALID', `cannot listen on ${address}: ${why}`)
}
