import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '@cometmq/client'
import { Daemon } from './daemon.ts'

export interface LocalClusterOptions {
  readonly nameServers: number
  readonly brokers: readonly string[]
  /** Further `comet broker` arguments. */
  readonly brokerArgs?: readonly string[]
  /** Further environment variables of brokers. */
  readonly brokerEnv?: Readonly<Record<string, string>>
  /** Further `comet nameserver` arguments. */
  readonly nameServerArgs?: readonly string[]
}

/** Name servers and brokers as real processes on loopback, with data in a temporary folder. */
export class LocalCluster implements AsyncDisposable {
  readonly directory: string
  readonly #nameServers: Daemon[] = []
  readonly #brokers = new Map<string, Daemon>()
  readonly #brokerArgs: readonly string[]
  readonly #brokerEnv: Readonly<Record<string, string>>
  readonly #nameServerArgs: readonly string[]

  private constructor(directory: string, options: LocalClusterOptions) {
    this.directory = directory
    this.#brokerArgs = options.brokerArgs ?? []
    this.#brokerEnv = options.brokerEnv ?? {}
    this.#nameServerArgs = options.nameServerArgs ?? []
  }

  static async start(options: LocalClusterOptions): Promise<LocalCluster> {
    const directory = await mkdtemp(path.join(tmpdir(), 'cometmq-'))
    const cluster = new LocalCluster(directory, options)
    try {
      for (let i = 0; i < options.nameServers; i++) await cluster.#startNameServer(i)
      await Promise.all(options.brokers.map((name) => cluster.startBroker(name)))
      await cluster.#untilRegistered()
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
    return cluster
  }

  /** What a client connects to. */
  get endpoints(): string[] {
    return this.#nameServers.map(({ address }) => address)
  }

  get nameServers(): readonly Daemon[] {
    return this.#nameServers
  }

  broker(name: string): Daemon {
    const broker = this.#brokers.get(name)
    if (broker === undefined) throw new Error(`no broker ${name} was started`)
    return broker
  }

  dataDirectoryOf(brokerName: string): string {
    return path.join(this.directory, brokerName)
  }

  /** Starts a broker, or starts it again on the data and at the address it had. */
  async startBroker(name: string): Promise<Daemon> {
    const before = this.#brokers.get(name)
    const broker = await Daemon.start({
      name,
      logDirectory: this.directory,
      args: [
        'broker',
        `--name=${name}`,
        `--listen=${before?.address ?? '127.0.0.1:0'}`,
        `--data=${this.dataDirectoryOf(name)}`,
        `--nameserver=${this.endpoints.join(',')}`,
        ...this.#brokerArgs,
      ],
      env: this.#brokerEnv,
    })
    this.#brokers.set(name, broker)
    return broker
  }

  async restartNameServer(index: number): Promise<void> {
    const before = this.#nameServers[index]
    await before?.stop('SIGKILL')
    this.#nameServers[index] = await this.#openNameServer(index, before?.address)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const daemons = [...this.#brokers.values(), ...this.#nameServers]
    await Promise.all(daemons.map((daemon) => daemon.stop('SIGKILL')))
    await rm(this.directory, { recursive: true, force: true })
  }

  /** A broker serves before name servers have heard of it. */
  async #untilRegistered(): Promise<void> {
    for (const endpoint of this.endpoints) {
      await using comet = await connect({ endpoints: endpoint })
      while (comet.admin.brokers.length < this.#brokers.size) await sleep(5)
    }
  }

  async #startNameServer(index: number): Promise<void> {
    this.#nameServers.push(await this.#openNameServer(index))
  }

  #openNameServer(index: number, address = '127.0.0.1:0'): Promise<Daemon> {
    return Daemon.start({
      name: `nameserver-${index}`,
      logDirectory: this.directory,
      args: ['nameserver', '--listen', address, ...this.#nameServerArgs],
    })
  }
}
