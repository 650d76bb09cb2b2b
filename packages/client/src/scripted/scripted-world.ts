import { CometError, type ErrorCode } from '@cometmq/protocol'
import type { Runtime } from '@cometmq/runtime'
import { type CometClient, type ConnectOptions, connect } from '../comet-client.ts'
import { ScriptedBroker } from './scripted-broker.ts'
import { ScriptedNameServer } from './scripted-name-server.ts'
import type { ScriptedMember } from './scripted-streams.ts'

/** What a test needs of a simulation. */
interface Machines {
  machine(name: string): { runtime(): Runtime }
  runUntil<T>(goal: Promise<T>, options: { readonly limitMs: number }): Promise<T>
  runUntil(goal: () => boolean, options: { readonly limitMs: number }): Promise<void>
}

const LIMIT = { limitMs: 120_000 } as const

/** Latency of a network on which nothing happens by chance. */
export const calmNetwork = {
  network: { latency: { usualMs: [1, 2], lateFraction: 0, lateMaxMs: 3 } },
} as const

/** A name server on "ns", brokers on "a" and "b", and a client on "client" that knows of them. */
export class ScriptedWorld<Sim extends Machines> {
  readonly sim: Sim
  readonly nameServer: ScriptedNameServer
  readonly a: ScriptedBroker
  readonly b: ScriptedBroker
  readonly comet: CometClient

  private constructor(parts: {
    readonly sim: Sim
    readonly nameServer: ScriptedNameServer
    readonly a: ScriptedBroker
    readonly b: ScriptedBroker
    readonly comet: CometClient
  }) {
    this.sim = parts.sim
    this.nameServer = parts.nameServer
    this.a = parts.a
    this.b = parts.b
    this.comet = parts.comet
  }

  /** With a topic "orders" of four queues on "a", unless `queues` says otherwise. */
  static async open<Sim extends Machines>(
    sim: Sim,
    options: {
      readonly queues?: Readonly<Record<string, number>>
      readonly client?: Partial<ConnectOptions>
    } = {},
  ): Promise<ScriptedWorld<Sim>> {
    const run = <T>(promise: Promise<T>): Promise<T> => sim.runUntil(promise, LIMIT)
    const nameServer = await run(ScriptedNameServer.open(sim.machine('ns').runtime(), 'ns:9876'))
    const a = await run(ScriptedBroker.open(sim.machine('a').runtime(), 'a:8081'))
    const b = await run(ScriptedBroker.open(sim.machine('b').runtime(), 'b:8081'))
    const queues = options.queues ?? { a: 4 }
    const brokers = Object.fromEntries(Object.keys(queues).map((name) => [name, `${name}:8081`]))
    nameServer.set(brokers, [{ topic: 'orders', queues }])
    const runtime = sim.machine('client').runtime()
    const comet = await run(connect({ endpoints: 'ns:9876', runtime, ...options.client }))
    return new ScriptedWorld({ sim, nameServer, a, b, comet })
  }

  /** Lets time pass until the promise settles. */
  run<T>(promise: Promise<T>): Promise<T> {
    return this.sim.runUntil(promise, LIMIT)
  }

  /** Lets time pass until it holds. */
  until(holds: () => boolean): Promise<void> {
    return this.sim.runUntil(holds, LIMIT)
  }

  /** Lets time pass until the promise has rejected; resolves to the error. */
  failure(promise: Promise<unknown>): Promise<CometError> {
    const failed = promise.then(
      () => {
        throw new Error('it should have failed')
      },
      (error: unknown) => error as CometError,
    )
    return this.run(failed)
  }

  /** The broker's end of the stream that a consumer has opened to "a" as number `index`, let in. */
  async member(invisibleMs = 60_000, index = 0, fifo = false): Promise<ScriptedMember> {
    const member = await this.arrivedMember(this.a, index)
    member.welcome(invisibleMs, [], fifo)
    return member
  }

  /** The same at any broker, not let in yet. */
  async arrivedMember(broker: ScriptedBroker, index = 0): Promise<ScriptedMember> {
    await this.until(() => broker.members[index]?.open !== undefined)
    return broker.members[index] as ScriptedMember
  }

  /** The broker on "b" is the master of broker group "a" now; the one on "a" is not told. */
  elect(epoch = 2, queues: Readonly<Record<string, number>> = { a: 4 }): void {
    this.nameServer.set({ a: { address: this.b.address, epoch } }, [{ topic: 'orders', queues }])
  }

  error(code: ErrorCode): CometError {
    return new CometError(code, `the test says ${code}`)
  }
}
