import { readFileSync } from 'node:fs'
import { bytes } from '@cometmq/client'
import { closedLoop, serialLoop } from './load.ts'
import type { Bench, BenchmarkResult, Workload } from './workload.ts'

interface Size {
  readonly bytes: number
  readonly messages: number
  readonly window: number
  readonly batchBytes: number
}

const sizes: readonly Size[] = [
  { bytes: 100, messages: 1_500_000, window: 20_000, batchBytes: 262_144 },
  { bytes: 1024, messages: 300_000, window: 4_000, batchBytes: 524_288 },
]

/** One topic with 8 queues, a large window, every message acknowledged after fdatasync. */
export const publish: Workload = {
  name: 'publish',
  about: '100 B and 1 KiB, fsync before the ack, one topic with 8 queues, large window',
  run: async (bench) => {
    const results: BenchmarkResult[] = []
    for (const size of sizes) results.push(await publishOne(bench, size))
    return results
  },
}

/** One message after the other: what a lone sender waits for. */
export const serial: Workload = {
  name: 'serial',
  about: '1 KiB, fsync before the ack, one message at a time',
  run: async ({ comet, floor, scale }) => {
    const messages = Math.ceil(3_000 * scale)
    await comet.admin.topics.create('bench-serial', { queueCount: 8 })
    const topic = comet.topic('bench-serial', { codec: bytes() })
    const body = Buffer.alloc(1024, 7)
    const send = () => topic.send(body, { tag: 'tag' })
    await serialLoop({ messages: 200, send })
    const below = await floor.serialPublish({ bytes: 1024, messages })
    const ours = await serialLoop({ messages, send })
    const ratio = ours.p50Ms / below.p50Ms
    return [
      { workload: 'serial', bytes: 1024, fsync: true, ...ours, floor: below, ratio, aim: '≤ 1.5' },
    ]
  },
}

/** The same load spread over 1 000 topics of 8 queues, beside one topic of 8 queues. */
export const manyTopics: Workload = {
  name: 'many-topics',
  about:
    '100 B over 1 000 topics × 8 queues, fsync before the ack; floor: one topic on the same broker',
  run: async (bench) => {
    const { comet, cluster, scale } = bench
    const messages = Math.ceil(500_000 * scale)
    const load = { bytes: 100, messages, window: 20_000 }
    const names = Array.from({ length: 1_000 }, (_, i) => `bench-many-${i}`)
    for (const topic of names) await comet.admin.topics.create(topic, { queueCount: 8 })
    await comet.admin.topics.create('bench-one', { queueCount: 8 })
    const body = Buffer.alloc(100, 7)
    const one = comet.topic('bench-one', { codec: bytes() })
    const many = names.map((name) => comet.topic(name, { codec: bytes() }))
    const below = await closedLoop({ ...load, send: () => one.send(body) })
    for (const topic of many) await topic.send(body)
    // Runs of messages for one topic, as producers of a thousand topics would make them.
    const ours = await closedLoop({
      ...load,
      send: (number) => (many[Math.floor(number / 20) % many.length] ?? one).send(body),
    })
    const ratio = ours.messagesPerSecond / below.messagesPerSecond
    const residentMegabytes = residentMegabytesOf(cluster.broker('broker-a').pid)
    return [
      {
        workload: 'many-topics',
        bytes: 100,
        fsync: true,
        ...ours,
        residentMegabytes,
        floor: below,
        ratio,
        aim: '≥ 0.5',
      },
    ]
  },
}

async function publishOne(bench: Bench, size: Size): Promise<BenchmarkResult> {
  const { comet, floor, scale } = bench
  const messages = Math.ceil(size.messages * scale)
  const name = `bench-publish-${size.bytes}`
  await comet.admin.topics.create(name, { queueCount: 8 })
  const topic = comet.topic(name, { codec: bytes() })
  const body = Buffer.alloc(size.bytes, 7)
  const send = () => topic.send(body, { tag: 'tag' })
  await closedLoop({ ...size, messages: Math.ceil(messages / 10), send })
  const below = await floor.publish({ ...size, messages, isSyncing: true })
  const ours = await closedLoop({ ...size, messages, send })
  const ratio = ours.messagesPerSecond / below.messagesPerSecond
  return {
    workload: 'publish',
    bytes: size.bytes,
    fsync: true,
    ...ours,
    floor: below,
    ratio,
    aim: '≥ 0.7',
  }
}

/** Resident memory of another process of this machine, as Linux tells it. */
export function residentMegabytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024
}
