import { statfsSync } from 'node:fs'
import { bytes } from '@cometmq/client'
import { closedLoop } from './load.ts'
import type { Workload } from './workload.ts'
import { residentMegabytesOf } from './workloads-publish.ts'

const GIGABYTE = 1e9

/** How long a broker with a large log is away after `kill -9`. */
export const restart: Workload = {
  name: 'restart',
  about: 'a 10 GB log, kill -9, started again: time until ready',
  isLong: true,
  run: async ({ comet, cluster, scale }) => {
    const bodyBytes = 64 * 1024
    const messages = Math.ceil((10 * GIGABYTE * scale) / bodyBytes)
    const { bavail, bsize } = statfsSync(cluster.directory)
    if (bavail * bsize < messages * bodyBytes * 1.5)
      throw new Error('not enough disk for a log of this size')
    await comet.admin.topics.create('bench-restart', { queueCount: 8 })
    const topic = comet.topic('bench-restart', { codec: bytes() })
    const body = Buffer.alloc(bodyBytes, 7)
    await closedLoop({ bytes: bodyBytes, messages, window: 256, send: () => topic.send(body) })
    await cluster.broker('broker-a').stop('SIGKILL')
    const start = performance.now()
    const broker = await cluster.startBroker('broker-a')
    const readyMs = performance.now() - start
    return [
      {
        workload: 'restart',
        bytes: bodyBytes,
        fsync: true,
        readyMs,
        residentMegabytes: residentMegabytesOf(broker.pid),
        aim: '≤ 5 000 ms',
      },
    ]
  },
}

/** One broker with 100 000 queues: what they cost in memory once each holds something. */
export const manyQueues: Workload = {
  name: 'many-queues',
  about: '100 000 queues with a message each: memory of the broker',
  isLong: true,
  run: async ({ comet, cluster, scale }) => {
    const queuesPerTopic = 1_000
    const topics = Math.ceil(100 * scale)
    for (let i = 0; i < topics; i++) {
      await comet.admin.topics.create(`bench-queues-${i}`, { queueCount: queuesPerTopic })
    }
    const body = Buffer.alloc(100, 7)
    const handles = Array.from({ length: topics }, (_, i) =>
      comet.topic(`bench-queues-${i}`, { codec: bytes() }),
    )
    const messages = topics * queuesPerTopic
    const rate = await closedLoop({
      bytes: 100,
      messages,
      window: 2_000,
      send: (number) => (handles[number % topics] as (typeof handles)[0]).send(body),
    })
    const residentMegabytes = residentMegabytesOf(cluster.broker('broker-a').pid)
    return [
      {
        workload: 'many-queues',
        bytes: 100,
        fsync: true,
        ...rate,
        residentMegabytes,
        aim: '≤ 512 MB',
      },
    ]
  },
}
