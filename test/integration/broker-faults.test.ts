/** What happens to a broker process and around it, under load: nothing acknowledged may be lost. */
import { execFileSync } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CometClient, connect, Reject, RetryLater, text } from '@cometmq/client'
import { CometError } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { backlogOf } from '../cluster/backlog.ts'
import { LocalCluster } from '../cluster/local-cluster.ts'

const MIB = 2 ** 20
const [A, B] = ['broker-a', 'broker-b']

describe('a broker process', () => {
  // A machine that hangs keeps its connections open and answers nothing.
  test('that is frozen for a while costs time, and no message', async () => {
    await using cluster = await LocalCluster.start({ nameServers: 1, brokers: [A, B] })
    await using load = await Load.start(cluster)
    await load.until(() => load.sent.size > 200)

    cluster.broker(A).signal('SIGSTOP')
    // Beyond the keepalive and the silence after which name servers drop it.
    await sleep(5_000)
    const whileFrozen = load.sent.size
    cluster.broker(A).signal('SIGCONT')
    await load.until(() => load.sent.size > whileFrozen + 500)

    expect(await load.stop()).toEqual({ lost: [], failed: [] })
    expect([...load.brokers].toSorted()).toEqual([A, B])
  })

  test('that is asked to end answers what is under way, and has closed its log', async () => {
    await using cluster = await LocalCluster.start({ nameServers: 1, brokers: [A, B] })
    await using load = await Load.start(cluster)
    await load.until(() => load.sent.size > 200)
    const broker = cluster.broker(A)

    await broker.stop('SIGTERM')
    expect(broker.exitCode).toBe(0)
    await cluster.startBroker(A)

    expect(await load.stop()).toEqual({ lost: [], failed: [] })
    expect(await logOf(cluster, A)).toMatch(
      /"closedCleanly":true.*"store opened"|"store opened".*"closedCleanly":true/,
    )
  })

  // An operator who says it twice does not want to wait for a consumer that hangs.
  test('that is told twice to end does so at once', async () => {
    await using cluster = await LocalCluster.start({ nameServers: 1, brokers: [A] })
    await using comet = await connect({ endpoints: cluster.endpoints })
    await comet.admin.topics.create('jobs')
    const topic = comet.topic('jobs', { codec: text() })
    const begun = Promise.withResolvers<void>()
    const hang = Promise.withResolvers<void>()
    const consumer = topic.consume({ group: 'hanging', from: 'earliest' }, () => {
      begun.resolve()
      return hang.promise
    })
    await topic.send('one')
    await begun.promise
    const broker = cluster.broker(A)

    broker.signal('SIGTERM')
    while (!(await logOf(cluster, A)).includes('broker drains')) await sleep(10)
    expect(broker.isRunning).toBe(true)
    await broker.stop('SIGTERM')

    expect(broker.exitCode).not.toBe(0)
    hang.resolve()
    await cluster.startBroker(A)
    await consumer.drain()
    await reaches(0, () => backlogOf(comet, 'hanging'))
  })

  // It holds only what is derived from the log.
  test('whose level folder is deleted while it is stopped shows the same as before', async () => {
    await using cluster = await LocalCluster.start({ nameServers: 1, brokers: [A] })
    await using comet = await connect({ endpoints: cluster.endpoints })
    await leaveTraces(comet)
    const before = await everythingOf(comet)

    await cluster.broker(A).stop('SIGTERM')
    await rm(path.join(cluster.dataDirectoryOf(A), 'level'), { recursive: true })
    await cluster.startBroker(A)

    expect(await everythingOf(comet)).toEqual(before)
    expect(before.backlog).toMatchObject([{ ready: 0, delayed: 0 }, { delayed: 1 }])
  })

  test.runIf(canMount())('whose disk is full goes on when it has space', async () => {
    await using cluster = await LocalCluster.start({
      nameServers: 1,
      brokers: [],
      brokerArgs: [
        '--set=store.segmentMaxBytes=8MiB',
        '--set=store.minFreeBytes=8MiB',
        '--set=store.hardFreeBytes=4MiB',
      ],
    })
    const data = cluster.dataDirectoryOf(A)
    await using _disk = await SmallDisk.mount(data, 48)
    await writeFile(path.join(data, 'ballast'), Buffer.alloc(16 * MIB))
    await cluster.startBroker(A)
    await using comet = await connect({ endpoints: cluster.endpoints })
    await reaches(1, () => comet.admin.brokers.length)
    await comet.admin.topics.create('jobs')
    await comet.admin.groups.create('workers', { start: 'earliest' })
    const topic = comet.topic('jobs', { codec: text() })
    const sent = new Set<string>()
    const seen = new Set<string>()

    const refusal = await sendUntilRefused(topic, sent)
    await using consumer = topic.consume({ group: 'workers' }, (body) => {
      seen.add(body.slice(0, body.indexOf('.')))
    })
    await reaches(sent.size, () => seen.size)
    await rm(path.join(data, 'ballast'))
    await topic.send('again.', { timeout: '20s' })
    await reaches(true, () => seen.has('again'))

    expect(refusal.cause).toMatchObject({ code: 'DISK_FULL' })
    expect(sent.size).toBeGreaterThan(10)
    await consumer.drain()
  })
})

describe('without any name server', () => {
  test('producers and consumers go on with what they know', async () => {
    await using cluster = await LocalCluster.start({ nameServers: 2, brokers: [A] })
    await using load = await Load.start(cluster)
    await load.until(() => load.sent.size > 100)

    for (const nameServer of cluster.nameServers) await nameServer.stop('SIGKILL')
    const alone = load.sent.size
    await load.until(() => load.sent.size > alone + 1_000)
    await load.until(() => load.seen.size > alone)
    for (const index of [0, 1]) await cluster.restartNameServer(index)
    await using late = await connect({ endpoints: cluster.endpoints })
    await reaches(1, async () => late.admin.brokers.length)

    expect(await load.stop()).toEqual({ lost: [], failed: [] })
  })
})

/** Producers and a group over one topic, and what they saw. */
class Load implements AsyncDisposable {
  /** Acknowledged. */
  readonly sent = new Set<string>()
  readonly seen = new Set<string>()
  readonly brokers = new Set<string>()
  readonly #comet: CometClient
  readonly #failed: string[] = []
  readonly #stop = new AbortController()
  #sending: Promise<unknown> = Promise.resolve()

  private constructor(comet: CometClient) {
    this.#comet = comet
  }

  static async start(cluster: LocalCluster): Promise<Load> {
    const comet = await connect({ endpoints: cluster.endpoints })
    await comet.admin.topics.create('load', { queueCount: 4 })
    const load = new Load(comet)
    load.#run()
    return load
  }

  until(holds: () => boolean): Promise<void> {
    return reaches(true, holds)
  }

  /** Lets what is under way end; tells what was acknowledged and never came, and what failed. */
  async stop(): Promise<{ readonly lost: string[]; readonly failed: string[] }> {
    this.#stop.abort()
    await this.#sending
    await reaches(true, () => [...this.sent].every((id) => this.seen.has(id))).catch(() => {})
    const lost = [...this.sent].filter((id) => !this.seen.has(id))
    return { lost: lost.slice(0, 5), failed: this.#failed.slice(0, 5) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#comet.close()
  }

  #run(): void {
    const topic = this.#comet.topic('load', { codec: text() })
    topic.consume({ group: 'load', from: 'earliest' }, (id) => void this.seen.add(id))
    const lane = async (name: string): Promise<void> => {
      for (let number = 0; !this.#stop.signal.aborted; number++) {
        const id = `${name}-${number}`
        try {
          const { brokerName } = await topic.send(id, { timeout: '60s' })
          this.sent.add(id)
          this.brokers.add(brokerName)
        } catch (error) {
          this.#failed.push(String(error))
        }
        await sleep(1)
      }
    }
    this.#sending = Promise.all(['a', 'b', 'c', 'd'].map(lane))
  }
}

/** Messages of all fates: read, acknowledged, waiting for another try, given up on. */
async function leaveTraces(comet: CometClient): Promise<void> {
  await comet.admin.topics.create('jobs', { queueCount: 1 })
  await comet.admin.groups.create('workers', { start: 'earliest' })
  const topic = comet.topic('jobs', { codec: text() })
  for (const body of ['fine', 'later', 'never', 'fine too']) await topic.send(body)
  await using consumer = topic.consume({ group: 'workers' }, (body) => {
    if (body === 'later') throw new RetryLater('1h')
    if (body === 'never') throw new Reject('it cannot be done')
  })
  await reaches(1, () => backlogOf(comet, 'workers'))
  await consumer.drain()
  await using reader = topic.reader({ name: 'audit', from: 'earliest' })
  await reader.next()
  await reader.next()
  await reader.commit()
}

/** All that a user can see of it. */
async function everythingOf(comet: CometClient) {
  await reaches(1, async () => comet.admin.brokers.length)
  const topics = await comet.admin.topics.list({ internal: true })
  const [group] = await comet.admin.groups.describe('workers')
  const letters = await comet.admin.deadLetters.list('workers')
  const topic = comet.topic('jobs', { codec: text() })
  const messages: string[] = []
  await using reader = topic.reader({ from: 'earliest', untilEnd: true })
  for await (const { id, body, queueOffset, storedAt } of reader) {
    messages.push([id, body, queueOffset, storedAt.toISOString()].join(' '))
  }
  await using audit = topic.reader({ name: 'audit' })
  const next = await audit.next()
  return {
    topics,
    definition: { ...group, members: [], queues: [] },
    backlog: group?.queues.map((queue) => ({ ...queue, oldestAgeMs: 0 })) ?? [],
    letters,
    messages,
    auditGoesOnWith: next.value?.body,
  }
}

async function sendUntilRefused(
  topic: { send(body: string, options: { timeout: '2s' }): Promise<unknown> },
  sent: Set<string>,
): Promise<CometError> {
  for (;;) {
    const id = String(sent.size)
    try {
      await topic.send(`${id}.${'x'.repeat(MIB)}`, { timeout: '2s' })
      sent.add(id)
    } catch (error) {
      if (error instanceof CometError) return error
      throw error
    }
  }
}

function canMount(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0
}

/** A disk of its own for one folder. */
class SmallDisk implements AsyncDisposable {
  readonly #directory: string

  private constructor(directory: string) {
    this.#directory = directory
  }

  static async mount(directory: string, megabytes: number): Promise<SmallDisk> {
    await mkdir(directory)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', directory])
    return new SmallDisk(directory)
  }

  /** Also while a process still uses it. */
  async [Symbol.asyncDispose](): Promise<void> {
    execFileSync('umount', ['--lazy', this.#directory])
  }
}

function logOf(cluster: LocalCluster, name: string): Promise<string> {
  return readFile(path.join(cluster.directory, `${name}.log`), 'utf8')
}

async function reaches<T>(wanted: T, look: () => T | Promise<T>): Promise<void> {
  let found = await look()
  for (let waits = 0; waits < 3_000 && found !== wanted; waits++) {
    await sleep(10)
    found = await look()
  }
  if (found !== wanted) throw new Error(`still ${String(found)}, not ${String(wanted)}`)
}
