import type { Elector } from '@cometmq/replication'
import { EtcdElector, type EtcdTiming } from '@cometmq/replication/etcd'
import { describeElector, type ElectorSubject } from '@cometmq/replication/testing'
import type { Clock } from '@cometmq/runtime'
import { type NodeRuntime, openNodeRuntime } from '@cometmq/runtime/node'
import { afterAll, beforeAll, describe } from 'vitest'
import { hasEtcd, LocalEtcd } from './local-etcd.ts'

/** Slow machines run these tests too. */
const PATIENT: Partial<EtcdTiming> = {
  deadlineMs: 1_000,
  grantDeadlineMs: 2_000,
  leaseTtlSec: 3,
  keepAliveMs: 300,
}

describe.skipIf(!hasEtcd)('EtcdElector (takes a program named etcd)', () => {
  let etcd: LocalEtcd
  let groupCount = 0
  beforeAll(async () => {
    etcd = await LocalEtcd.start(1)
  })
  afterAll(() => etcd[Symbol.asyncDispose]())

  describeElector(() => {
    groupCount += 1
    return Promise.resolve(new RealSubject(etcd, `group-${groupCount}`))
  })
})

/** Each elector in it has a transport of its own, as in a process of its own. */
class RealSubject implements ElectorSubject {
  readonly clock: Clock
  readonly #etcd: LocalEtcd
  readonly #brokerName: string
  readonly #runtimes = new Map<Elector, NodeRuntime>()

  constructor(etcd: LocalEtcd, brokerName: string) {
    this.clock = openNodeRuntime({ name: 'test', logLevel: 'silent' }).clock
    this.#etcd = etcd
    this.#brokerName = brokerName
  }

  open(): Promise<Elector> {
    const runtime = openNodeRuntime({ name: 'member', logLevel: 'silent' })
    const { endpoints } = this.#etcd
    const elector = EtcdElector.open(runtime, {
      cluster: 'test',
      brokerName: this.#brokerName,
      endpoints,
      timing: PATIENT,
    })
    this.#runtimes.set(elector, runtime)
    return Promise.resolve(elector)
  }

  elapsedMsOf(): number {
    return this.clock.elapsedMs()
  }

  async crash(elector: Elector): Promise<void> {
    await this.#runtimes.get(elector)?.[Symbol.asyncDispose]()
  }

  run(check: () => Promise<void>): Promise<void> {
    return check()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [elector, runtime] of this.#runtimes) {
      await elector[Symbol.asyncDispose]()
      await runtime[Symbol.asyncDispose]()
    }
  }
}
