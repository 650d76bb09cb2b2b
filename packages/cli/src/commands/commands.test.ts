import {
  type BrokerAddress,
  type BrokerDescription,
  type ClusterDescription,
  CometError,
  errorTable,
  type GroupDescription,
  loadServices,
  type RouteUpdate,
  type TopicDescription,
  type TopicRoute,
  type TopicSpec,
  type WatchRequest,
} from '@cometmq/protocol'
import { accept, answer, type Handler, type Listener, type MessageStream } from '@cometmq/runtime'
import { type NodeRuntime, openNodeRuntime } from '@cometmq/runtime/node'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FakeTerminal } from '../fake-terminal.ts'
import { runComet } from '../run-comet.ts'

const { admin, routes } = loadServices()

/** Brokers whose answers are written here, so that each case of them comes about. */
class ScriptedCluster implements AsyncDisposable {
  readonly #runtime: NodeRuntime = openNodeRuntime({ name: 'test', logLevel: 'silent' })
  readonly #brokers: BrokerAddress[] = []
  readonly #watchers = new Set<MessageStream<RouteUpdate, WatchRequest>>()
  readonly calls: unknown[] = []
  routes: TopicRoute[] = []
  isReady = true
  address = ''

  async open(): Promise<void> {
    const describe = answer(routes.DescribeCluster, async () => this.#describe())
    const watch = accept(routes.Watch, (stream) => {
      this.#watchers.add(stream)
      const gone = (): void => void this.#watchers.delete(stream)
      stream.receive({ message: () => stream.send(this.#update()), ended: gone, failed: gone })
    })
    const forget = answer(routes.ForgetBroker, async ({ brokerName }) => {
      this.calls.push(brokerName)
      return { wasKnown: brokerName === 'departed' }
    })
    this.address = (await this.#listen([describe, watch, forget])).address
  }

  async addBroker(name: string, handlers: readonly Handler[]): Promise<void> {
    const { address } = await this.#listen(handlers)
    this.#brokers.push(addressOf(name, address))
    for (const watcher of this.#watchers) watcher.send(this.#update())
  }

  addUnreachableBroker(name: string): void {
    this.#brokers.push(addressOf(name, '127.0.0.1:1'))
  }

  addSlave(
    slave: Omit<BrokerAddress, 'listeners' | 'standsIn'> & { readonly standsIn?: boolean },
  ): void {
    this.#brokers.push({ listeners: [], standsIn: false, ...slave })
  }

  /** Runs a command line against this cluster. */
  async run(
    args: readonly string[],
    terminal = new FakeTerminal(),
    nameServers = this.address,
  ): Promise<{ exitCode: number; stdout: string; stderr: string }> {
    const exitCode = await runComet([...args, '-n', nameServers], terminal)
    return { exitCode, stdout: terminal.stdout, stderr: terminal.stderr }
  }

  /** Keeps the requests that were answered. */
  recording<T>(response: T): (request: unknown) => Promise<T> {
    return async (request) => {
      this.calls.push(request)
      return response
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#runtime[Symbol.asyncDispose]()
  }

  /** A process that no name server has heard of yet; answers its address. */
  async listen(handlers: readonly Handler[]): Promise<string> {
    return (await this.#listen(handlers)).address
  }

  #listen(handlers: readonly Handler[]): Promise<Listener> {
    return this.#runtime.transport.listen({ address: '127.0.0.1:0', handlers })
  }

  #update(): RouteUpdate {
    return {
      brokers: this.#brokers,
      topics: this.routes,
      missing: [],
      cluster: 'test',
      autoCreateTopics: false,
      version: 1,
      forgotten: [],
    }
  }

  #describe(): ClusterDescription {
    return {
      cluster: 'test',
      version: '1.2.3',
      uptimeMs: 61_000,
      ready: this.isReady,
      highestEpochs: [],
      brokers: this.#brokers.map((broker) => ({
        broker,
        registeredAgoMs: 1,
        lastBeatAgoMs: 1,
        topicCount: 1,
        version: '1.2.3',
      })),
    }
  }
}

function addressOf(brokerName: string, address: string): BrokerAddress {
  return { brokerName, brokerId: 0, epoch: 1, address, listeners: [], standsIn: false }
}

let cluster: ScriptedCluster

beforeEach(async () => {
  cluster = new ScriptedCluster()
  await cluster.open()
})
afterEach(() => cluster[Symbol.asyncDispose]())

describe('topic ls', () => {
  test('adds up the queues of all brokers and shows where they differ', async () => {
    await cluster.addBroker('b', [
      answer(admin.ListTopics, async () => ({ topics: [spec({ queueCount: 4, flush: 'async' })] })),
    ])
    await cluster.addBroker('a', [
      answer(admin.ListTopics, async () => ({ topics: [spec({}), spec({ topic: 'audit' })] })),
    ])

    const { stdout, exitCode } = await cluster.run(['topic', 'ls'])

    expect(exitCode).toBe(0)
    expect(stdout.split('\n')).toEqual([
      'TOPIC   TYPE    QUEUES  BROKERS  FLUSH       REPLICAS  ACCESS',
      'audit   normal       8        1  sync        in-sync   read-write',
      'orders  normal      12        2  sync/async  in-sync   read-write',
      '',
    ])
  })

  test('is one document with --json', async () => {
    await cluster.addBroker('a', [answer(admin.ListTopics, async () => ({ topics: [spec({})] }))])

    const { stdout } = await cluster.run(['topic', 'ls', '--json'])

    expect(JSON.parse(stdout)).toMatchObject({
      topics: [{ topic: 'orders', brokers: [{ brokerName: 'a', queueCount: 8 }] }],
    })
  })

  test('says that there is no broker, with code 5', async () => {
    const { exitCode, stderr } = await cluster.run(['topic', 'ls'])

    expect(exitCode).toBe(5)
    expect(stderr).toContain('no broker is registered')
  })
})

describe('topic info', () => {
  // A topic that was made while a broker was down is on the others only.
  test('leaves out brokers that do not have the topic', async () => {
    const queue = { queueId: 0, minOffset: 2, maxOffset: 10, lastStoreTimeMs: 0 }
    const description: TopicDescription = {
      spec: spec({ queueCount: 1 }),
      queues: [queue],
      groups: ['billing'],
      brokerName: 'a',
    }
    await cluster.addBroker('a', [answer(admin.DescribeTopic, async () => description)])
    await cluster.addBroker('b', [answer(admin.DescribeTopic, notFound)])

    const { stdout, exitCode } = await cluster.run(['topic', 'info', 'orders'])

    expect(exitCode).toBe(0)
    expect(stdout).toContain('messages  8\n')
    expect(stdout).toContain('a           0      2    10         8  -\n')
  })

  test('ends with code 3 where no broker has the topic', async () => {
    await cluster.addBroker('a', [answer(admin.DescribeTopic, notFound)])

    const { stderr, exitCode } = await cluster.run(['topic', 'info', 'orders'])

    expect(exitCode).toBe(3)
    expect(stderr).toBe(
      'comet: there is no topic "orders" [TOPIC_NOT_FOUND]; `comet topic ls` lists the topics\n',
    )
  })
})

describe('topic route', () => {
  // Queues without an address look like a mistake of the name server.
  test('says which broker is away', async () => {
    await cluster.addBroker('a', [])
    const queues = { queueCount: 4, readable: true, writable: true }
    const closed = { ...queues, readable: false, writable: false }
    cluster.routes = [
      {
        topic: 'orders',
        type: 'normal',
        queueGroups: [
          { ...queues, brokerName: 'a' },
          { ...closed, brokerName: 'b' },
        ],
      },
    ]

    const { stdout } = await cluster.run(['topic', 'route', 'orders'])
    const asJson = await cluster.run(['topic', 'route', 'orders', '--json'])

    const [, a, b] = stdout.split('\n').map((line) => line.split(/ +/))
    const address = expect.stringContaining('127.0.0.1:')
    expect(a).toEqual(['a', '0', 'master', address, '4', '1', 'read-write'])
    expect(b).toEqual(['b', '-', '-', '-', '4', '-', 'away'])
    expect(JSON.parse(asJson.stdout)).toMatchObject({
      brokers: [{ away: false }, { away: true, readable: false }],
    })
  })
})

describe('a slave', () => {
  // Whoever looks for the reason of a failover looks here first.
  test('is among the members of its broker group, with its role', async () => {
    cluster.addSlave({ brokerName: 'a', brokerId: 2, epoch: 7, address: '127.0.0.1:2' })
    const queues = { queueCount: 4, readable: true, writable: false }
    cluster.routes = [
      { topic: 'orders', type: 'normal', queueGroups: [{ ...queues, brokerName: 'a' }] },
    ]

    const route = await cluster.run(['topic', 'route', 'orders'])
    const info = await cluster.run(['cluster', 'info'])
    const asJson = await cluster.run(['cluster', 'info', '--json'])

    expect(route.stdout.split('\n')[1]?.split(/ +/)).toEqual([
      'a',
      '2',
      'slave',
      '127.0.0.1:2',
      '4',
      '7',
      'read',
    ])
    expect(info.stdout).toMatch(/^a +2 +127\.0\.0\.1:2 +slave +7 .* follows$/m)
    expect(JSON.parse(asJson.stdout)).toMatchObject({
      brokers: [{ brokerName: 'a', brokerId: 2, role: 'slave', epoch: 7, lastBeatAgoMs: 1 }],
    })
  })

  test('is a stand-in while it serves consumers in place of its master', async () => {
    const slave = { brokerName: 'a', brokerId: 2, epoch: 7, address: '127.0.0.1:2' }
    cluster.addSlave({ ...slave, standsIn: true })

    const { stdout } = await cluster.run(['cluster', 'info'])
    const { stdout: json } = await cluster.run(['cluster', 'info', '--json'])

    expect(stdout).toMatch(/^a +2 +127\.0\.0\.1:2 +stand-in .* nothing can be sent$/m)
    expect(JSON.parse(json)).toMatchObject({ brokers: [{ brokerId: 2, role: 'stand-in' }] })
  })
})

describe('broker', () => {
  // While a group has no master, whoever is there has to answer.
  test('asks the next member of a group when the first cannot be reached', async () => {
    cluster.addUnreachableBroker('a')
    const fulfilled = { epoch: 8, master: 2, tookMs: 90, keptTo: 0, confirmedTo: 0 }
    const address = await cluster.listen([
      answer(admin.DescribeBroker, async () => broker({})),
      answer(admin.CommandGroup, cluster.recording(fulfilled)),
    ])
    cluster.addSlave({ brokerName: 'a', brokerId: 2, epoch: 7, address })

    const { exitCode, stdout } = await cluster.run(['broker', 'hand-over', 'a', '--to', '2'])

    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: 'member 2 is master of a in epoch 8, after 90 ms\n',
    })
    expect(cluster.calls).toMatchObject([{ kind: 'hand-over', memberId: 2, timeoutMs: 10_000 }])
  })

  test('does not forget a member without being asked twice, nor elect one without a word on the loss', async () => {
    const forget = await cluster.run(['broker', 'forget', 'a', '--id', '3'])
    const elect = await cluster.run(['broker', 'elect', 'a', '--to', '3'])

    expect([forget.exitCode, elect.exitCode]).toEqual([7, 2])
    expect(elect.stderr).toContain("required option '--accept-loss' not specified")
  })

  test('names the brokers there are to who names another', async () => {
    cluster.addUnreachableBroker('a')

    const { exitCode, stderr } = await cluster.run(['broker', 'replicas', 'b'])

    expect(exitCode).toBe(3)
    expect(stderr).toContain('no broker "b" is registered; there are: a')
  })
})

describe('cluster info', () => {
  test('shows who is in sync, how far slaves are behind, and how it came to this master', async () => {
    const change = { epoch: 7, master: 2, previousMaster: 1, reason: 'silence', atMs: 1_000 }
    const slave = { memberId: 3, inSync: true, connected: true, lagBytes: 2048, heardAgoMs: 5 }
    const described = broker({
      memberId: 2,
      groupMembers: 3,
      minInSync: 2,
      inSync: [2, 3],
      replicas: [slave],
      lastChange: { ...change, hasTimes: true, silentMs: 1_500, tookMs: 84 },
    })
    await cluster.addBroker('a', [answer(admin.DescribeBroker, async () => described)])
    cluster.addSlave({ brokerName: 'a', brokerId: 3, epoch: 7, address: '127.0.0.1:2' })

    const { stdout } = await cluster.run(['cluster', 'info'])

    expect(stdout).toMatch(/ writable, member 2, in sync 2, 3 \(2 of 3\)$/m)
    expect(stdout).toMatch(/^a +3 .* in sync, 2\.0 KiB behind$/m)
    expect(stdout).toMatch(
      /^a: epoch 7 went from member 1 to 2: silence, after 84ms \(nothing heard for 1\.5s before\)/m,
    )
  })
})

describe('cluster forget', () => {
  test('tells every name server', async () => {
    await using other = new ScriptedCluster()
    await other.open()
    const nameServers = `${cluster.address},${other.address}`

    const { exitCode, stdout } = await cluster.run(
      ['cluster', 'forget', 'departed', '--yes'],
      new FakeTerminal(),
      nameServers,
    )

    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: `forgot departed on ${nameServers.split(',').toSorted().join(', ')}\n`,
    })
    expect([...cluster.calls, ...other.calls]).toEqual(['departed', 'departed'])
  })

  // A name that was mistyped looks like success.
  test('ends with code 3 where no name server knows the broker', async () => {
    const { exitCode, stderr } = await cluster.run(['cluster', 'forget', 'departde', '--yes'])

    expect(exitCode).toBe(3)
    expect(stderr).toContain('no name server knows a broker "departde" that has left')
  })

  // The name servers that were not told go on counting with its queues.
  test('names the name server that was not told, with code 1', async () => {
    const nameServers = `${cluster.address},127.0.0.1:1`

    const { exitCode, stderr } = await cluster.run(
      ['cluster', 'forget', 'departed', '--yes'],
      new FakeTerminal(),
      nameServers,
    )

    expect(exitCode).toBe(1)
    expect(stderr).toContain('done on 1 of 2 name servers; 127.0.0.1:1')
  })
})

describe('a change', () => {
  test('is made everywhere through one broker', async () => {
    const outcome = { brokerName: 'a', error: 0, message: '', changed: true }
    const create = cluster.recording({ brokers: [outcome, { ...outcome, brokerName: 'b' }] })
    await cluster.addBroker('a', [answer(admin.CreateTopic, create)])

    const { stdout } = await cluster.run(['topic', 'create', 'orders', '--queues', '3'])

    expect(stdout).toBe('created topic orders on a, b\n')
    expect(cluster.calls).toMatchObject([
      { topic: 'orders', queueCount: 3, everywhere: true, onFirstSend: false, flush: '' },
    ])
  })

  test('that failed on one broker names it and ends with code 1', async () => {
    const error = errorTable.UNAVAILABLE.id
    const outcomes = [
      { brokerName: 'a', error: 0, message: '', changed: true },
      { brokerName: 'b', error, message: 'the connection broke', changed: false },
    ]
    await cluster.addBroker('a', [answer(admin.CreateTopic, async () => ({ brokers: outcomes }))])

    const { stderr, exitCode, stdout } = await cluster.run(['topic', 'create', 'orders'])

    expect(exitCode).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toContain('done on 1 of 2 brokers; b: the connection broke [UNAVAILABLE]')
  })

  test('that failed alike on all brokers ends as one failure would', async () => {
    const error = errorTable.TOPIC_EXISTS.id
    const outcomes = ['a', 'b'].map((brokerName) => ({
      brokerName,
      error,
      message: 'topic "orders" exists',
      changed: false,
    }))
    await cluster.addBroker('a', [answer(admin.CreateTopic, async () => ({ brokers: outcomes }))])

    const { stderr, exitCode } = await cluster.run(['topic', 'create', 'orders'])

    expect(exitCode).toBe(7)
    expect(stderr).toMatch(/^comet: topic "orders" exists \[TOPIC_EXISTS\]/)
  })

  test('goes through another broker where the first cannot be reached', async () => {
    cluster.addUnreachableBroker('a')
    const outcome = { brokerName: 'b', error: 0, message: '', changed: true }
    await cluster.addBroker('b', [
      answer(admin.DeleteTopic, cluster.recording({ brokers: [outcome] })),
    ])

    const { exitCode } = await cluster.run(['topic', 'rm', 'orders', '--yes'])

    expect(exitCode).toBe(0)
    expect(cluster.calls).toMatchObject([{ topic: 'orders', everywhere: true }])
  })

  test('that deletes is not made without --yes where nobody can be asked', async () => {
    const queue = { queueId: 0, minOffset: 0, maxOffset: 5, lastStoreTimeMs: 0 }
    await cluster.addBroker('a', [
      answer(admin.DescribeTopic, async () => ({
        spec: spec({}),
        queues: [queue, queue],
        groups: [],
        brokerName: 'a',
      })),
      answer(admin.DeleteTopic, cluster.recording({ brokers: [] })),
    ])

    const { exitCode, stderr } = await cluster.run(['topic', 'rm', 'orders'])

    expect(exitCode).toBe(7)
    expect(stderr).toContain('this would delete topic orders and the 10 messages in it')
    expect(cluster.calls).toEqual([])
  })
})

describe('group lag', () => {
  test('shows each queue and adds them up', async () => {
    const description = (brokerName: string): GroupDescription => ({
      spec: null,
      brokerName,
      members: [],
      deadLetters: 0,
      epoch: 1,
      queues: [
        { ...EMPTY_BACKLOG, topic: 'orders', ready: 3, inFlight: 2, backlog: 5, doneBelow: 7 },
        { ...EMPTY_BACKLOG, topic: '%RETRY%billing', delayed: 4, backlog: 4, oldestAgeMs: 61_000 },
      ],
    })
    for (const name of ['a', 'b']) {
      await cluster.addBroker(name, [answer(admin.DescribeGroup, async () => description(name))])
    }

    const { stdout } = await cluster.run(['group', 'lag', 'billing'])

    expect(stdout.split('\n')).toEqual(
      [
        'TOPIC    QUEUE  READY  IN FLIGHT  DELAYED  BACKLOG  DONE BELOW  OLDEST',
        'orders   a/0        3          2        0        5           7       -',
        '(retry)  a/0        0          0        4        4           0   1m 1s',
        'orders   b/0        3          2        0        5           7       -',
        '(retry)  b/0        0          0        4        4           0   1m 1s',
        'total               6          4        8       18               1m 1s',
      ].concat(''),
    )
  })
})

describe('group reset', () => {
  test('with --dry-run asks for nothing and moves nothing', async () => {
    const queues = [{ brokerName: 'a', topic: 'orders', queueId: 0, before: 9, after: 0 }]
    await cluster.addBroker('a', [
      answer(admin.ResetGroup, cluster.recording({ queues, brokers: [] })),
    ])

    const args = ['group', 'reset', 'billing', '--to', 'earliest', '--dry-run']
    const { stdout, exitCode } = await cluster.run(args)

    expect(exitCode).toBe(0)
    expect(stdout).toContain('orders  a/0         9      0')
    expect(cluster.calls).toMatchObject([{ group: 'billing', to: 'earliest', dryRun: true }])
  })
})

describe('cluster health', () => {
  test('is code 0 when every broker takes messages', async () => {
    await cluster.addBroker('a', [answer(admin.DescribeBroker, async () => broker({}))])

    const { exitCode, stdout } = await cluster.run(['cluster', 'health', '--json'])

    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ healthy: true, brokers: [{ brokerName: 'a' }] })
  })

  test('is code 1 with the reason when one does not', async () => {
    const full = broker({ writable: false, notWritableBecause: 'the disk is full' })
    await cluster.addBroker('a', [answer(admin.DescribeBroker, async () => full)])

    const { exitCode, stderr } = await cluster.run(['cluster', 'health'])

    expect(exitCode).toBe(1)
    expect(stderr).toBe('comet: a: the disk is full\n')
  })

  // It takes messages, and yet somebody should look at it.
  test('is code 1 when a broker group could not do without another member', async () => {
    const described = broker({ groupMembers: 3, minInSync: 2, inSync: [1, 2] })
    await cluster.addBroker('a', [answer(admin.DescribeBroker, async () => described)])

    const { exitCode, stderr } = await cluster.run(['cluster', 'health'])

    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/^comet: a: 2 of 3 members are in sync, 2 are needed/)
  })

  // Its slaves are well, and nobody can send to it.
  test('is code 1 when a broker group has no master', async () => {
    await cluster.addBroker('a', [answer(admin.DescribeBroker, async () => broker({}))])
    cluster.addSlave({ brokerName: 'a', brokerId: 1, epoch: 7, address: '127.0.0.1:2' })
    expect((await cluster.run(['cluster', 'health'])).exitCode).toBe(0)
    cluster.addSlave({ brokerName: 'b', brokerId: 2, epoch: 7, address: '127.0.0.1:3' })

    const { exitCode, stderr } = await cluster.run(['cluster', 'health'])

    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: 'comet: broker group "b" has no master\n',
    })
  })

  // Consumers go on, and so it may not be noticed that nobody can send.
  test('is code 1 when a slave stands in for its master, and says which', async () => {
    const [address, slave] = ['127.0.0.1:3', { brokerName: 'b', brokerId: 2, epoch: 7 }]
    cluster.addSlave({ ...slave, address, standsIn: true })

    const { exitCode, stderr, stdout } = await cluster.run(['cluster', 'health'])
    const { stdout: json } = await cluster.run(['cluster', 'health', '--json'])

    expect(exitCode).toBe(1)
    expect(stderr).toBe('comet: broker group "b" has no master, member 2 stands in\n')
    expect(stdout).toMatch(/^b +127\.0\.0\.1:3 +no master, member 2 stands in$/m)
    expect(JSON.parse(json)).toMatchObject({
      healthy: false,
      withoutMaster: [{ brokerName: 'b', standIn: { memberId: 2, address } }],
    })
  })

  // Right after a start only the first brokers are known, and they may all be well.
  test('is not believed while the name server is new, unless enough brokers are there', async () => {
    await cluster.addBroker('a', [answer(admin.DescribeBroker, async () => broker({}))])
    cluster.isReady = false

    expect((await cluster.run(['cluster', 'health'])).exitCode).toBe(1)
    expect((await cluster.run(['cluster', 'health', '--brokers', '1'])).exitCode).toBe(0)
  })

  test('waits for brokers that come, and with code 6 for those that do not', async () => {
    const waiting = cluster.run(['cluster', 'health', '--wait', '--timeout', '20s'])
    await cluster.addBroker('a', [answer(admin.DescribeBroker, async () => broker({}))])

    expect((await waiting).exitCode).toBe(0)
    const late = ['cluster', 'health', '--wait', '--brokers', '2', '--timeout', '150ms']
    const { exitCode, stderr } = await cluster.run(late)
    expect(exitCode).toBe(6)
    expect(stderr).toContain('not healthy after 150ms')
  })
})

describe('--watch', () => {
  test('shows one document per line until it is interrupted, and ends with code 0', async () => {
    const terminal = new FakeTerminal()
    let looks = 0
    await cluster.addBroker('a', [
      answer(admin.ListTopics, async () => {
        looks += 1
        // A broker that fails for a moment does not end the watch.
        if (looks === 2) throw new CometError('UNAVAILABLE', 'for a moment')
        if (looks === 4) terminal.interrupt()
        return { topics: [] }
      }),
    ])

    const { exitCode, stdout, stderr } = await cluster.run(
      ['topic', 'ls', '--json', '--watch', '1ms'],
      terminal,
    )

    expect(exitCode).toBe(0)
    expect(stdout.trimEnd().split('\n').length).toBeGreaterThanOrEqual(2)
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'UNAVAILABLE' } })
  })
})

const EMPTY_BACKLOG = {
  queueId: 0,
  ready: 0,
  inFlight: 0,
  delayed: 0,
  backlog: 0,
  doneBelow: 0,
  minOffset: 0,
  maxOffset: 0,
  oldestAgeMs: 0,
}

function spec(changes: Partial<TopicSpec>): TopicSpec {
  return {
    topic: 'orders',
    type: 'normal',
    queueCount: 8,
    readable: true,
    writable: true,
    flush: 'sync',
    replicas: 'in-sync',
    version: 1,
    createdAtMs: 0,
    ...changes,
  }
}

function broker(changes: Partial<BrokerDescription>): BrokerDescription {
  const zeros = admin.DescribeBroker.decodeResponse(Buffer.alloc(0))
  return { ...zeros, brokerName: 'a', writable: true, ...changes }
}

async function notFound(): Promise<never> {
  throw new CometError('TOPIC_NOT_FOUND', 'there is no topic "orders"')
}
