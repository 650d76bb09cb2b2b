import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type CometClient, connect, type Reader } from '@cometmq/client'
import { afterEach, describe, expect, test } from 'vitest'
import { Daemon } from '../cluster/daemon.ts'
import { quietPorts } from '../cluster/quiet-ports.ts'
import { hasEtcd, LocalEtcd } from '../etcd/local-etcd.ts'
import { run } from './cli/comet-process.ts'

const LONG_MS = 120_000
const COUNT = 600

interface Order {
  readonly number: number
  readonly filling: string
}

let group: SmallGroup | undefined
afterEach(() => group?.[Symbol.asyncDispose]())

describe.skipIf(!hasEtcd)(
  'a reader that is far behind (takes a program named etcd)',
  { timeout: LONG_MS },
  () => {
    // The master would read from its disk, for hours maybe, what its slave has as well.
    test('is served by the slave, and by the master when it is near the end', async () => {
      group = await SmallGroup.start('elected')
      const orders = group.comet.topic<Order>('orders')
      await group.fill()

      // No more than that is read ahead at the master before the reader moves.
      const reader = orders.reader({ from: 'earliest', name: 'far', bufferBytes: 128 * 1024 })
      const numbers = await read(reader, COUNT)
      await reader.commit()
      await orders.send({ number: COUNT, filling: '' })
      const last = await read(reader, 1)

      const [fromMaster, fromSlave] = [await group.messagesOutOf(1), await group.messagesOutOf(2)]
      expect([...numbers, ...last]).toEqual(Array.from({ length: COUNT + 1 }, (_, i) => i))
      expect(fromSlave).toBeGreaterThan(COUNT / 4)
      expect(fromMaster).toBeGreaterThan(0)
    })
  },
)

describe('readers and consumers of a group with configured roles', { timeout: LONG_MS }, () => {
  // Nobody is elected here: what the slave serves is all there is until an operator comes.
  test('go on without their master, and with it from where they are', async () => {
    group = await SmallGroup.start('configured')
    const orders = group.comet.topic<Order>('orders')
    await group.fill()
    const reader = orders.reader({ from: 'earliest', name: 'steady', bufferBytes: 128 * 1024 })
    const seen = new Set<number>()
    const dead = Promise.withResolvers<void>()
    const [some, all] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const options = { group: 'billing', from: 'earliest', bufferBytes: 128 * 1024 } as const
    orders.consume(options, async ({ number }) => {
      seen.add(number)
      if (seen.size === COUNT) all.resolve()
      if (seen.size < COUNT / 2) return
      some.resolve()
      // The rest is left to the slave.
      await dead.promise
    })
    const first = await read(reader, 1)
    await some.promise

    await group.daemon(1).stop('SIGKILL')
    dead.resolve()
    const rest = await read(reader, COUNT - 1)
    await all.promise
    await committed(reader)
    await group.startMember(1, '-back')
    await group.isHealthy()
    await orders.send({ number: COUNT, filling: '' })
    const again = orders.reader({ name: 'steady', from: 'earliest' })

    expect([...first, ...rest]).toEqual(Array.from({ length: COUNT }, (_, i) => i))
    expect(await read(reader, 1)).toEqual([COUNT])
    expect(await read(again, 1)).toEqual([COUNT])
  })
})

async function read(reader: Reader<Order>, count: number): Promise<number[]> {
  const numbers: number[] = []
  while (numbers.length < count) {
    const { value } = await reader.next()
    if (value !== undefined) numbers.push(value.body.number)
  }
  return numbers
}

/** Nobody keeps positions before the slave stands in. */
async function committed(reader: Reader<Order>): Promise<void> {
  for (;;) {
    try {
      return await reader.commit()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

/** A name server, and a broker group of a master and a slave, with a topic "orders" of one queue. */
class SmallGroup implements AsyncDisposable {
  readonly comet: CometClient
  readonly #parts: AsyncDisposableStack
  readonly #daemons: Map<number, Daemon>
  readonly #start: (id: number, again: string) => Promise<void>
  readonly #nameServer: string

  private constructor(
    comet: CometClient,
    nameServer: string,
    parts: {
      readonly stack: AsyncDisposableStack
      readonly daemons: Map<number, Daemon>
      readonly start: (id: number, again: string) => Promise<void>
    },
  ) {
    this.comet = comet
    this.#nameServer = nameServer
    this.#parts = parts.stack
    this.#daemons = parts.daemons
    this.#start = parts.start
  }

  static async start(roles: 'elected' | 'configured'): Promise<SmallGroup> {
    await using building = new AsyncDisposableStack()
    const directory = await mkdtemp(path.join(tmpdir(), 'comet-readers-'))
    building.defer(() => rm(directory, { recursive: true, force: true }))
    const logDirectory = directory
    const args = ['nameserver', '--listen=127.0.0.1:0']
    const nameServer = await Daemon.start({ name: 'name-server', args, logDirectory })
    building.defer(() => nameServer.stop('SIGKILL'))
    const members = (await quietPorts(2)).map((port) => `127.0.0.1:${port}`)
    const etcd = roles === 'elected' ? building.use(await LocalEtcd.start(1)) : undefined
    const keeper = etcd
      ? [
          `--set=replication.etcd.endpoints=${etcd.endpoints.join(',')}`,
          '--set=replication.members=2',
        ]
      : [`--set=replication.static.members=${members.join(',')}`]
    const daemons = new Map<number, Daemon>()
    building.defer(
      async () =>
        void (await Promise.all([...daemons.values()].map((each) => each.stop('SIGKILL')))),
    )
    const start = async (id: number, again = ''): Promise<void> => {
      const daemon = await Daemon.start({
        name: `broker-a-${id}${again}`,
        logDirectory,
        args: [
          'broker',
          '--name=broker-a',
          '--listen=127.0.0.1:0',
          `--data=${path.join(directory, String(id))}`,
          `--nameserver=${nameServer.address}`,
          ...keeper,
          `--set=replication.listen=${members[id - 1]}`,
          `--set=replication.memberId=${id}`,
          '--set=replication.minInSync=1',
          '--set=readers.toSlaveBeyond=1MiB',
          '--set=http.listen=127.0.0.1:0',
        ],
      })
      daemons.set(id, daemon)
    }
    await start(1)
    await start(2)
    const comet = building.use(await connect({ endpoints: nameServer.address }))
    const parts = { stack: building.move(), daemons, start }
    const group = new SmallGroup(comet, nameServer.address, parts)
    await group.isHealthy()
    await comet.admin.topics.create('orders', { queueCount: 1 })
    return group
  }

  /** Messages for some megabytes of log. */
  async fill(): Promise<void> {
    const orders = this.comet.topic<Order>('orders')
    const filling = 'x'.repeat(8 * 1024)
    await orders.sendMany(Array.from({ length: COUNT }, (_, number) => ({ number, filling })))
  }

  startMember(id: number, again: string): Promise<void> {
    return this.#start(id, again)
  }

  daemon(id: number): Daemon {
    const daemon = this.#daemons.get(id)
    if (daemon === undefined) throw new Error(`there is no member ${id}`)
    return daemon
  }

  /** Until every member is in sync. */
  async isHealthy(): Promise<void> {
    const args = ['cluster', 'health', '--wait', '--timeout=60s', '-n', this.#nameServer]
    const { exitCode, stderr } = await run(args)
    if (exitCode !== 0) throw new Error(`the group is not healthy: ${stderr}`)
  }

  async messagesOutOf(id: number): Promise<number> {
    const { address } = await this.daemon(id).said('health and metrics are served')
    const metrics = await (await fetch(`http://${String(address)}/metrics`)).text()
    return Number(/^cometmq_messages_out_total (\d+)$/m.exec(metrics)?.[1] ?? Number.NaN)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.disposeAsync()
  }
}
