import { type CometError, loadServices } from '@cometmq/protocol'
import { ListenerSet } from '@cometmq/runtime'
import { Simulation } from '@cometmq/simulation'
import { MessageStore, storeConfig } from '@cometmq/store'
import { describe, expect, test } from 'vitest'
import { copyStore } from '../member/copy-store.ts'
import { GroupMember } from '../member/group-member.ts'
import { memberHandlers } from '../member/member-handlers.ts'
import { defaultStreamLimits, type Duties } from '../member/ports.ts'
import { defaultSettings } from '../settings.ts'
import { findPlace } from './find-place.ts'
import { promote } from './promote.ts'
import type { PromoteWish } from './promotion.ts'
import { StaticElector, type StaticGroup } from './static-elector.ts'

const LIMIT = { limitMs: 60_000 }
const KIB = 1024
const STORE = storeConfig('/data', {
  confirm: 'external',
  segmentMaxBytes: 64 * KIB,
  retention: { maxAgeMs: 60_000, maxBytes: 256 * KIB, minFreeBytes: 0, checkIntervalMs: 200 },
  minFreeBytes: 32 * KIB,
  hardFreeBytes: 8 * KIB,
  checkpointIntervalMs: 300,
})
/** So long nobody would be master if nobody ever were. */
const LONG_MS = 30_000

describe('a broker group with configured roles', () => {
  test('is led by whom the configuration names, and by nobody else when that one is gone', async () => {
    const group = await SimulatedStaticGroup.of(1, 3)
    const master = await group.untilLed()

    group.kill(master.id)
    await group.simulation.advance(LONG_MS)

    expect(master.id).toBe(1)
    expect(group.leaders).toEqual([])
  })

  // One process writes an epoch: what two of them wrote under one name would look alike.
  test('begins another epoch with each start of its master', async () => {
    const group = await SimulatedStaticGroup.of(2, 2)
    const first = await group.untilLed()
    await group.run(first.store.append(rowOf('x')))

    group.kill(1)
    await group.start(1)
    const second = await group.untilLed()

    expect(second.id).toBe(1)
    expect(second.member.group?.epoch).toBe(2)
    expect(valueOf(second, 'x')).toBe('x')
  })

  // The next handshake would otherwise cut from the slave what the master has lost.
  test('gives its master back what a power cut took from its log', async () => {
    const group = await SimulatedStaticGroup.of(3, 2)
    const master = await group.untilLed()
    const slave = group.process(2)
    await group.run(master.store.append(rowOf('x')))
    await group.untilLevel()
    const held = master.store.log.offsets.max
    master.store.append(rowOf('y')).catch(() => {})
    await group.simulation.runUntil(() => slave.store.log.offsets.flushed > held, LIMIT)
    group.loseEverything(1)

    await group.start(1)
    const back = await group.untilLed()

    expect(back.id).toBe(1)
    expect([valueOf(back, 'x'), valueOf(back, 'y')]).toEqual(['x', 'y'])
    await group.untilLevel()
    expect(valueOf(slave, 'y')).toBe('y')
  })

  test('fetches the end of the log that only a slave has', async () => {
    const group = await SimulatedStaticGroup.of(45, 2)
    const master = await group.untilLed()
    const slave = group.process(2)
    await group.run(master.store.append(rowOf('x')))
    await group.untilLevel()
    const held = master.store.log.offsets.max
    const { disk } = group.simulation.machine('m1')
    disk.slowDown(1_000)
    master.store.append(rowOf('y')).catch(() => {})
    await group.simulation.runUntil(() => slave.store.log.offsets.flushed > held, LIMIT)
    const to = slave.store.log.offsets.flushed
    group.powerCut(1)
    disk.slowDown(1)

    await group.start(1)
    const back = await group.untilLed()

    expect(back.store.log.offsets.max).toBeGreaterThan(to)
    expect(valueOf(back, 'y')).toBe('y')
    await group.untilLevel()
    expect(group.tale).toContain('the end of the log was lost, and is back')
  })

  // An untrusted master that begins alone cuts from the others what it has lost.
  test('is not led by a master with an empty folder before the others have answered', async () => {
    const group = await SimulatedStaticGroup.of(5, 2)
    const master = await group.untilLed()
    await group.run(master.store.append(rowOf('x')))
    await group.untilLevel()
    group.kill(2)
    group.loseEverything(1)

    await group.start(1)
    await group.simulation.advance(LONG_MS)
    const alone = group.leaders
    await group.start(2)
    const back = await group.untilLed()

    expect(alone).toEqual([])
    expect(valueOf(back, 'x')).toBe('x')
  })

  describe('promotes', () => {
    test('a slave in place of a living master, which appends nothing from then on', async () => {
      const group = await SimulatedStaticGroup.of(6, 3)
      const old = await group.untilLed()
      await group.run(old.store.append(rowOf('x')))

      await group.run(group.promote(3, { to: 2 }))
      await expect(old.store.append(rowOf('late'))).rejects.toMatchObject({ code: 'NOT_MASTER' })
      const next = await group.untilLed()

      expect(next.id).toBe(2)
      expect(valueOf(next, 'x')).toBe('x')
      await group.run(next.store.append(rowOf('y')))
      await group.untilLevel()
      expect(valuesOf(group, 'y')).toEqual(['y', 'y', 'y'])
    })

    // It alone has what nobody confirmed, and the operator has said that it is dead.
    test('while the old master is away, which then follows and cuts its own tail', async () => {
      const group = await SimulatedStaticGroup.of(7, 3)
      const old = await group.untilLed()
      await group.run(old.store.append(rowOf('x')))
      await group.untilLevel()
      const confirmedTo = old.store.log.offsets.confirm
      group.part(1)
      old.store.append(rowOf('lost')).catch(() => {})
      await group.simulation.runUntil(() => old.store.log.offsets.flushed > confirmedTo, LIMIT)

      await group.run(group.promote(2, { to: 2, oldMasterIsDead: true }))
      const next = await group.untilLed(old)
      await group.run(next.store.append(rowOf('y')))
      group.simulation.network.healAll()
      await group.untilLevel()

      expect(next.id).toBe(2)
      expect(group.leaders.map(({ id }) => id)).toEqual([2])
      expect(valuesOf(group, 'y')).toEqual(['y', 'y', 'y'])
      expect(valuesOf(group, 'lost')).toEqual([undefined, undefined, undefined])
      expect(group.tale).toContain(`unconfirmed tail is cut from=${confirmedTo}`)
    })

    test('whoever is promoted for good: the old master comes back as a slave', async () => {
      const group = await SimulatedStaticGroup.of(8, 3)
      await group.untilLed()
      group.kill(1)

      await group.run(group.promote(3, { to: 3, oldMasterIsDead: true }))
      await group.untilLed()
      await group.start(1)
      await group.simulation.advance(LONG_MS)

      expect(group.leaders.map(({ id }) => id)).toEqual([3])
      expect(group.process(1).member.state.role.kind).toBe('following')
    })

    // One of the two has fenced members that the other one counts on.
    test('one of two that are asked for at once', async () => {
      const group = await SimulatedStaticGroup.of(9, 3)
      await group.untilLed()
      group.kill(1)

      const both = [2, 3].map((to) =>
        group
          .promote(to, { to, oldMasterIsDead: true })
          .catch((error: unknown) => (error as CometError).code),
      )
      const outcomes = await group.run(Promise.all(both))
      await group.simulation.advance(LONG_MS)

      // One is refused, or comes after the other.
      expect(outcomes).toHaveLength(2)
      expect(group.leaders.length).toBeLessThan(2)
      // Whatever became of them, the next one comes through.
      const again = group.leaders[0]?.id === 2 ? 3 : 2
      await group.run(group.promote(again, { to: again }))
      const next = await group.untilLed()
      expect(next.id).toBe(again)
    })

    test('nobody who would lose an acknowledged message, unless that is wanted', async () => {
      const group = await SimulatedStaticGroup.of(10, 3)
      const old = await group.untilLed()
      group.kill(3)
      await group.simulation.runUntil(() => old.member.group?.inSync.size === 2, LIMIT)
      await group.run(old.store.append(rowOf('x')))
      group.kill(1)
      group.kill(2)
      await group.start(3)
      await group.simulation.advance(1_000)
      const wish = { to: 3, oldMasterIsDead: true }

      await expect(group.run(group.promote(3, wish))).rejects.toMatchObject({
        code: 'MEMBER_UNFIT',
      })
      await group.run(group.promote(3, { ...wish, without: [1, 2] }))
      const next = await group.untilAppointed(3)

      expect(next.elector.appointment.loss).toMatchObject({ cause: 'operator' })
    })
  })
})

function rowOf(name: string) {
  const change = { kind: 'put' as const, table: 'test', key: Buffer.from(name) }
  return { records: [{ kind: 'change' as const, changes: [{ ...change, value: change.key }] }] }
}

function valueOf({ store }: StaticProcess, name: string): string | undefined {
  return store.table('test').get(Buffer.from(name))?.toString()
}

function valuesOf(group: SimulatedStaticGroup, name: string): (string | undefined)[] {
  return [...group.processes.values()].map((process) => valueOf(process, name))
}

interface StaticProcess {
  readonly id: number
  readonly store: MessageStore
  readonly member: GroupMember
  readonly elector: StaticElector
  readonly isServing: () => boolean
  close(): Promise<void>
}

/** Members on simulated machines, each run as a broker runs it: from one life to the next. */
class SimulatedStaticGroup {
  readonly simulation: Simulation
  readonly processes = new Map<number, StaticProcess>()
  readonly #count: number

  constructor(seed: number, count: number) {
    this.simulation = new Simulation(seed)
    this.#count = count
  }

  static async of(seed: number, count: number): Promise<SimulatedStaticGroup> {
    const group = new SimulatedStaticGroup(seed, count)
    await group.run(Promise.all(group.#ids.map((id) => group.#live(id))))
    // From then on each of them may be promoted.
    await group.simulation.runUntil(
      () => [...group.processes.values()].every(({ elector }) => elector.inSyncAs > 0),
      LIMIT,
    )
    return group
  }

  get tale(): string {
    return this.simulation.story.lines.join('\n')
  }

  get leaders(): StaticProcess[] {
    return [...this.processes.values()].filter(
      (process) => process.isServing() && process.member.mayServe,
    )
  }

  process(id: number): StaticProcess {
    const found = this.processes.get(id)
    if (found === undefined) throw new Error(`member ${id} does not run`)
    return found
  }

  start(id: number): Promise<void> {
    return this.run(this.#live(id))
  }

  kill(id: number): void {
    this.simulation.machine(`m${id}`).kill()
    this.processes.delete(id)
  }

  /** Of what was not synced chance decides. */
  powerCut(id: number): void {
    this.simulation.machine(`m${id}`).powerCut()
    this.processes.delete(id)
  }

  /** The process dies, and its folder is empty when it comes back. */
  loseEverything(id: number): void {
    this.kill(id)
    this.#generation.set(id, (this.#generation.get(id) ?? 0) + 1)
  }

  part(id: number): void {
    for (const other of this.#ids) {
      if (other !== id) this.simulation.network.partition(`m${id}`, `m${other}`)
    }
  }

  /** As an operator has it done by that member. */
  promote(by: number, wish: Partial<PromoteWish> & Pick<PromoteWish, 'to'>): Promise<unknown> {
    const { elector, member } = this.process(by)
    const runtime = this.simulation.machine(`m${by}`).runtime()
    const ports = { ...runtime, elector, member, methods: loadServices().replication }
    const whole = { oldMasterIsDead: false, without: [], ...wish }
    return promote(ports, this.#groupOf(by), whole)
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.simulation.runUntil(work, LIMIT)
  }

  async untilLed(before?: StaticProcess): Promise<StaticProcess> {
    const find = (): StaticProcess | undefined => this.leaders.find((each) => each !== before)
    await this.simulation.runUntil(() => find() !== undefined, LIMIT)
    return find() as StaticProcess
  }

  async untilAppointed(id: number): Promise<StaticProcess> {
    await this.simulation.runUntil(() => {
      const role = this.processes.get(id)?.member.state.role.kind
      return role === 'master'
    }, LIMIT)
    return this.process(id)
  }

  async untilLevel(): Promise<void> {
    await this.simulation.runUntil(() => {
      const logs = [...this.processes.values()].map(({ store }) => store.log.offsets)
      return logs.every(({ max, confirm }) => max === logs[0]?.max && confirm === max)
    }, LIMIT)
  }

  readonly #generation = new Map<number, number>()

  get #ids(): number[] {
    return Array.from({ length: this.#count }, (_, index) => index + 1)
  }

  #folder(id: number): string {
    return `/data${this.#generation.get(id) ?? 0}`
  }

  #groupOf(me: number): StaticGroup {
    return {
      cluster: 'simulated',
      brokerName: 'broker-a',
      me,
      master: 1,
      members: new Map(this.#ids.map((id) => [id, `m${id}:10911`])),
      minInSync: this.#count > 2 ? 2 : 1,
      folder: `${this.#folder(me)}/replication`,
      inspectMs: defaultSettings.inspectMs,
      seen: () => this.processes.get(me)?.member.state.member.lastSeenEpoch ?? 0,
    }
  }

  /** Resolves when the member listens; what becomes of it goes on in the background. */
  async #live(id: number): Promise<void> {
    const runtime = this.simulation.machine(`m${id}`).runtime()
    const directory = this.#folder(id)
    const config = { ...STORE, directory }
    const group = this.#groupOf(id)
    const { replication: methods } = loadServices()
    const store = await MessageStore.open(runtime, config)
    const elector = await StaticElector.open({ ...runtime, methods }, group)
    let isServing = false
    const duties: Duties = {
      begin: () => {
        isServing = true
      },
      end: () => {
        isServing = false
      },
      roleChanged: () => {},
    }
    const member = await GroupMember.open(
      { ...runtime, store, elector, methods, duties, appointments: elector },
      {
        cluster: group.cluster,
        brokerName: group.brokerName,
        folder: group.folder,
        settings: {
          ...defaultSettings,
          memberCount: this.#count,
          minInSync: group.minInSync,
          handsOver: false,
          recoversByItself: false,
        },
        limits: defaultStreamLimits,
        self: {
          configuredId: id,
          host: `m${id}`,
          bootId: 'boot',
          replicationAddress: `m${id}:10911`,
          isObserver: false,
          priority: 0,
        },
      },
    )
    const listeners = await ListenerSet.open(
      runtime.transport,
      [{ name: 'members', listen: `m${id}:10911` }],
      { handlers: memberHandlers(methods, () => member) },
    )
    const closing = new AbortController()
    const close = async (): Promise<void> => {
      closing.abort()
      isServing = false
      await member.close()
      await listeners.close()
      await elector[Symbol.asyncDispose]()
      await store.close()
      if (this.processes.get(id)?.member === member) this.processes.delete(id)
    }
    this.processes.set(id, { id, store, member, elector, isServing: () => isServing, close })
    const again = async (from: string | undefined): Promise<void> => {
      await close()
      if (from !== undefined) {
        await copyStore(runtime, methods.Checkpoint, { store: config, group, from })
      }
      await this.#live(id)
    }
    void member.ended.then(({ kind }) => {
      if (kind === 'begins-anew') void again(undefined)
    })
    const isTrusted = elector.inSyncAs >= member.state.member.trustedSince
    const { loss, epoch } = elector.appointment
    findPlace(
      {
        ...runtime,
        store,
        elector,
        methods,
        askNameServers: async () => ({ answered: 0, epoch: 0 }),
      },
      { ...group, isTrusted, nameServers: 0, startsAlone: loss?.epoch === epoch + 1 },
      closing.signal,
    ).then(
      (place) => {
        if (place.kind === 'ready') member.start()
        else void again(place.from)
      },
      () => {},
    )
  }
}
