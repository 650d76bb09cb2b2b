import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { bytes, type CometClient, connect } from '@cometmq/client'
import { DrillCluster } from '../test/drill/cluster/drill-cluster.ts'
import { closedLoop, latencyOf, serialLoop } from './load.ts'
import type { Bench, BenchmarkResult, Workload } from './workload.ts'

const GROUP = 'broker-a'
const START_MS = 60_000

/** A master with one slave in sync, both on the disk that the floor has for itself. */
export const replicated: Workload = {
  name: 'replicated',
  about: '100 B and 1 KiB, on disk here and on one slave before the ack; and one message at a time',
  run: async (bench) => {
    await using group = await Group.start()
    return [
      await publishTo(group, bench, { bytes: 100, messages: 800_000, window: 20_000 }),
      await publishTo(group, bench, { bytes: 1024, messages: 150_000, window: 4_000 }),
      await loneMessages(group, bench),
    ]
  },
}

/** How a slave that was away finds back while its master goes on, and what that costs producers. */
export const catchUp: Workload = {
  name: 'catch-up',
  about: 'a slave that is 5 GB behind, while its master takes 2 000 messages of 1 KiB a second',
  isLong: true,
  run: async ({ scale }) => {
    await using group = await Group.start()
    const { cluster, comet } = group
    const topic = await group.topic(comet, 'bench-behind')
    const [slave] = await cluster.slavesOf(GROUP)
    if (slave === undefined) throw new Error('the group has no slave')
    await slave.kill()
    const behindBytes = 5e9 * scale
    const large = Buffer.alloc(64 * 1024, 7)
    await closedLoop({
      bytes: large.length,
      messages: Math.ceil(behindBytes / large.length),
      window: 256,
      send: () => topic.send(large),
    })
    const alone = await paced(topic, 5_000)
    const beganMs = performance.now()
    await slave.start()
    const whole = new AbortController()
    const isWhole = cluster.untilWhole(AbortSignal.timeout(30 * START_MS)).then(() => whole.abort())
    const during = await paced(topic, Number.POSITIVE_INFINITY, whole.signal)
    await isWhole
    const seconds = (performance.now() - beganMs) / 1e3
    const megabytesPerSecond = behindBytes / 1e6 / seconds
    return [
      {
        workload: 'catch-up',
        bytes: 1024,
        fsync: true,
        megabytesPerSecond,
        ...during,
        floor: alone,
        ratio: during.p99Ms / alone.p99Ms,
        aim: 'floor: the same without it',
      },
    ]
  },
}

async function publishTo(
  group: Group,
  { floor, scale }: Bench,
  size: { readonly bytes: number; readonly messages: number; readonly window: number },
): Promise<BenchmarkResult> {
  const messages = Math.ceil(size.messages * scale)
  const topic = await group.topic(group.comet, `bench-replicated-${size.bytes}`)
  const body = Buffer.alloc(size.bytes, 7)
  const send = (): Promise<unknown> => topic.send(body, { tag: 'tag' })
  await closedLoop({ ...size, messages: Math.ceil(messages / 10), send })
  const batchBytes = 262_144
  const below = await floor.publish({ ...size, messages, batchBytes, isSyncing: true })
  const ours = await closedLoop({ ...size, messages, send })
  const ratio = ours.messagesPerSecond / below.messagesPerSecond
  return {
    workload: 'replicated',
    bytes: size.bytes,
    fsync: true,
    ...ours,
    floor: below,
    ratio,
    aim: '≥ 0.4',
  }
}

async function loneMessages(group: Group, { comet, scale }: Bench): Promise<BenchmarkResult> {
  const messages = Math.ceil(3_000 * scale)
  const body = Buffer.alloc(1024, 7)
  const alone = await group.topic(comet, 'bench-alone')
  const replicatedTopic = await group.topic(group.comet, 'bench-lone')
  for (const topic of [alone, replicatedTopic]) {
    await serialLoop({ messages: 200, send: () => topic.send(body) })
  }
  const below = await serialLoop({ messages, send: () => alone.send(body) })
  const ours = await serialLoop({ messages, send: () => replicatedTopic.send(body) })
  return {
    workload: 'replicated, serial',
    bytes: 1024,
    fsync: true,
    ...ours,
    floor: below,
    ratio: ours.p50Ms / below.p50Ms,
    aim: `floor: a broker alone; at most 1 ms more, and it is ${(ours.p50Ms - below.p50Ms).toFixed(2)} ms`,
  }
}

/** 2 000 messages a second for so long, or until the signal is aborted. */
async function paced(
  topic: { send(body: Uint8Array): Promise<unknown> },
  ms: number,
  signal?: AbortSignal,
): Promise<{ readonly p50Ms: number; readonly p99Ms: number }> {
  const body = Buffer.alloc(1024, 7)
  const latenciesMs: number[] = []
  const answers: Promise<void>[] = []
  const beganMs = performance.now()
  const isOver = (): boolean => signal?.aborted === true || performance.now() - beganMs >= ms
  for (let sent = 0; !isOver(); ) {
    const due = (performance.now() - beganMs) * 2
    for (; sent < due; sent++) {
      const sentMs = performance.now()
      const answered = topic.send(body).then(() => {
        latenciesMs.push(performance.now() - sentMs)
      })
      answers.push(answered)
    }
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await Promise.all(answers)
  return latencyOf(latenciesMs)
}

/** A broker group of two members with its name servers and etcd. */
class Group implements AsyncDisposable {
  readonly cluster: DrillCluster
  readonly comet: CometClient
  readonly #directory: string

  private constructor(cluster: DrillCluster, comet: CometClient, directory: string) {
    this.cluster = cluster
    this.comet = comet
    this.#directory = directory
  }

  static async start(): Promise<Group> {
    const directory = await mkdtemp(path.join(tmpdir(), 'comet-bench-'))
    const shape = { groups: 1, members: 2 }
    const onObservation = (): void => {}
    const cluster = await DrillCluster.start({ shape, fittings: [], directory, onObservation })
    const comet = await connect({ endpoints: cluster.endpoints })
    return new Group(cluster, comet, directory)
  }

  async topic(comet: CometClient, name: string) {
    await comet.admin.topics.create(name, { queueCount: 8 })
    return comet.topic(name, { codec: bytes() })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.comet.close()
    await this.cluster[Symbol.asyncDispose]()
    await rm(this.#directory, { recursive: true, force: true })
  }
}
