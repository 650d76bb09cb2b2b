import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { bytes, type CometClient, type Topic } from '@cometmq/client'
import { setTimeout as sleep } from 'node:timers/promises'
import { backlogOf } from '../test/cluster/backlog.ts'
import { closedLoop, consumeAll, latencyOf, pacedLoop, type Rate } from './load.ts'
import type { BenchmarkResult, Workload } from './workload.ts'
import { residentMegabytesOf } from './workloads-publish.ts'

/** A backlog of 100 B messages, delivered to a group and acknowledged durably. */
export const consume: Workload = {
  name: 'consume',
  about: 'a backlog of 100 B messages, delivered to a group and acknowledged',
  run: async ({ comet, floor, scale }) => {
    const messages = Math.ceil(1_500_000 * scale)
    const load = { bytes: 100, messages, window: 20_000, batchBytes: 262_144 }
    await floor.publish({ ...load, isSyncing: false })
    const below = await floor.consume(messages)
    const topic = await fill(comet, 'bench-consume', messages)
    const ours = await consumeAll(topic, { group: 'bench-consume', messages })
    await untilBacklogIsZero(comet, 'bench-consume')
    const ratio = ours.messagesPerSecond / below.messagesPerSecond
    return [
      { workload: 'consume', bytes: 100, fsync: true, ...ours, floor: below, ratio, aim: '≥ 0.5' },
    ]
  },
}

/** Both sides compile their hot paths meanwhile; the aim is about a server that has been up for a while. */
const WARM_UP_SECONDS = 3

/** From `send` to the handler at a steady rate. */
export const endToEnd: Workload = {
  name: 'end-to-end',
  about: '1 KiB at 5 000 messages/s, fsync before the ack, from send to handler, once warm',
  run: async ({ comet, floor, scale }) => {
    const load = {
      bytes: 1024,
      perSecond: 5_000,
      seconds: WARM_UP_SECONDS + Math.max(2, Math.ceil(5 * scale)),
    }
    const warmUp = load.perSecond * WARM_UP_SECONDS
    const below = await floor.endToEnd({ ...load, warmUp })
    await comet.admin.topics.create('bench-end-to-end', { queueCount: 8 })
    const topic = comet.topic('bench-end-to-end', { codec: bytes() })
    const latenciesMs: number[] = []
    await using _consumer = topic.consume(
      { group: 'bench-end-to-end', from: 'earliest' },
      (body) => {
        latenciesMs.push(performance.now() - Buffer.from(body).readDoubleLE(0))
      },
    )
    await pacedLoop({
      ...load,
      send: () => {
        const body = Buffer.alloc(load.bytes)
        body.writeDoubleLE(performance.now())
        return topic.send(body, { tag: 'tag' })
      },
    })
    const ours = latencyOf(latenciesMs.slice(warmUp))
    const ratio = ours.p50Ms / below.p50Ms
    return [
      {
        workload: 'end-to-end',
        bytes: 1024,
        fsync: true,
        ...ours,
        floor: below,
        ratio,
        aim: '≤ 2',
      },
    ]
  },
}

/** A deep backlog: memory of the broker, and the tail while another group reads all of it again. */
export const backlog: Workload = {
  name: 'backlog',
  about:
    '10 M messages of 100 B: memory of the broker, tail latency while a group re-reads them all',
  isLong: true,
  run: async ({ comet, cluster, scale }) => {
    const messages = Math.ceil(10_000_000 * scale)
    const topic = await fill(comet, 'bench-backlog', messages)
    const pid = cluster.broker('broker-a').pid
    const residentMegabytes = residentMegabytesOf(pid)
    const quiet = await tailLatency(comet, 'quiet')
    const reading = consumeElsewhere(cluster.endpoints, { topic: topic.name, messages })
    const busy = await tailLatency(comet, 'busy')
    const rate = await reading
    const ratio = busy.p99Ms / quiet.p99Ms
    const shared = { bytes: 100, fsync: true }
    const results: BenchmarkResult[] = [
      { workload: 'backlog-tail-p99', ...shared, ...busy, floor: quiet, ratio, aim: '≤ 2' },
      { workload: 'backlog-memory', ...shared, ...rate, residentMegabytes, aim: '≤ 300 MB' },
      {
        workload: 'backlog-memory-after-reading',
        ...shared,
        residentMegabytes: residentMegabytesOf(pid),
        aim: '≤ 300 MB',
      },
    ]
    return results
  },
}

async function fill(
  comet: CometClient,
  name: string,
  messages: number,
): Promise<Topic<Uint8Array>> {
  await comet.admin.topics.create(name, { queueCount: 8 })
  const topic = comet.topic(name, { codec: bytes() })
  const body = Buffer.alloc(100, 7)
  const send = () => topic.send(body, { tag: 'tag' })
  await closedLoop({ bytes: 100, messages, window: 20_000, send })
  return topic
}

/** In a process of its own: what it has to do must not delay what is timed in this one. */
async function consumeElsewhere(
  endpoints: readonly string[],
  { topic, messages }: { readonly topic: string; readonly messages: number },
): Promise<Rate> {
  const script = fileURLToPath(new URL('consumer-process.ts', import.meta.url))
  const child = fork(script, [endpoints.join(','), topic, String(messages)])
  const [rate] = (await once(child, 'message')) as [Rate]
  return rate
}

async function tailLatency(comet: CometClient, name: string) {
  await comet.admin.topics.create(`bench-tail-${name}`, { queueCount: 8 })
  const topic = comet.topic(`bench-tail-${name}`, { codec: bytes() })
  const latenciesMs: number[] = []
  await using _consumer = topic.consume(
    { group: `bench-tail-${name}`, from: 'earliest' },
    (body) => {
      latenciesMs.push(performance.now() - Buffer.from(body).readDoubleLE(0))
    },
  )
  await pacedLoop({
    perSecond: 500,
    seconds: 4,
    send: () => {
      const body = Buffer.alloc(1024)
      body.writeDoubleLE(performance.now())
      return topic.send(body)
    },
  })
  return latencyOf(latenciesMs.slice(200))
}

async function untilBacklogIsZero(comet: CometClient, group: string): Promise<void> {
  for (;;) {
    if ((await backlogOf(comet, group)) === 0) return
    await sleep(20)
  }
}
