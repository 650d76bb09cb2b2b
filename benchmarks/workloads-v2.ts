import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Message } from '@cometmq/protocol/rocketmq'
import { openNodeRuntime } from '@cometmq/runtime/node'
import { RawClient } from '../test/conformance/raw-client.ts'
import type { BenchmarkResult, Workload } from './workload.ts'

const IN_FLIGHT = 64

/** Both sides compile their hot paths meanwhile. */
const WARM_UP_CALLS = 20_000

/** Calls of official clients, beside an echo of the same size by nothing but grpc-js. */
export const v2: Workload = {
  name: 'v2',
  about: 'unary sends of official clients, 64 in flight and serial; receive and acknowledge',
  async run({ cluster, comet, scale }) {
    const topic = 'bench-v2'
    await comet.admin.topics.create(topic, {})
    await using runtime = openNodeRuntime({ name: 'bench', logLevel: 'silent' })
    await using echo = await Echo.start()
    const client = new RawClient(runtime.transport)
    const address = cluster.broker('broker-a').address
    const results: BenchmarkResult[] = []
    for (const bytes of [100, 1_024]) {
      const body = Buffer.alloc(bytes, 7)
      const count = Math.round(20_000 * scale)
      const send = async (): Promise<void> => {
        const { status } = await client.send(address, { topic, body })
        if (status?.code !== 'OK') throw new Error(status?.message)
      }
      const ping = (): Promise<unknown> =>
        client.send(echo.address, { topic, body }).catch(() => undefined)
      await rateOf(send, WARM_UP_CALLS, IN_FLIGHT)
      await rateOf(ping, WARM_UP_CALLS, IN_FLIGHT)
      const perSecond = await rateOf(send, count, IN_FLIGHT)
      const floorPerSecond = await rateOf(ping, count, IN_FLIGHT)
      results.push({
        workload: `v2 send, ${IN_FLIGHT} in flight`,
        bytes,
        fsync: true,
        messagesPerSecond: perSecond,
        floor: { messagesPerSecond: floorPerSecond },
        ratio: perSecond / floorPerSecond,
        aim: '≥ 0.8 of a bare unary echo',
      })
      const serial = await rateOf(send, count / 20, 1)
      const serialFloor = await rateOf(ping, count / 20, 1)
      results.push({
        workload: 'v2 send, serial',
        bytes,
        fsync: true,
        messagesPerSecond: serial,
        floor: { messagesPerSecond: serialFloor },
        ratio: serial / serialFloor,
        aim: '',
      })
      const group = `bench-v2-${bytes}`
      await comet.admin.groups.create(group, { start: 'earliest' })
      const drained = { address, topic, group }
      await drain(client, drained, count / 2)
      const startedAt = performance.now()
      const received = await drain(client, drained, count / 2)
      const handledPerSecond = received / ((performance.now() - startedAt) / 1_000)
      results.push({
        workload: 'v2 receive 32 and acknowledge each',
        bytes,
        fsync: true,
        messagesPerSecond: handledPerSecond,
        // Each message costs a unary call of its own, and its part of a receive.
        floor: { messagesPerSecond: floorPerSecond },
        ratio: handledPerSecond / floorPerSecond,
        aim: '≥ 0.8 of a bare unary echo',
      })
    }
    return results
  },
}

async function rateOf(
  call: () => Promise<unknown>,
  count: number,
  inFlight: number,
): Promise<number> {
  let left = count
  const startedAt = performance.now()
  const lane = async (): Promise<void> => {
    while (left-- > 0) await call()
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  return count / ((performance.now() - startedAt) / 1_000)
}

/** Four pollers until so many messages are handled. */
async function drain(
  client: RawClient,
  { address, topic, group }: { address: string; topic: string; group: string },
  messageCount: number,
): Promise<number> {
  let received = 0
  const poll = async (): Promise<void> => {
    for (;;) {
      const { messages } = await client.receive(address, {
        group,
        topic,
        autoRenew: true,
        pollSeconds: 5,
        timeoutMs: 5_600,
      })
      if (messages.length === 0) return
      received += messages.length
      await Promise.all(messages.map((message) => acknowledge(message)))
      if (received >= messageCount) return
    }
  }
  const acknowledge = async ({ systemProperties }: Message): Promise<void> => {
    await client.call(address, 'AckMessage', {
      group: { name: group },
      topic: { name: topic },
      entries: [{ messageId: '', receiptHandle: systemProperties?.receiptHandle ?? '' }],
    })
  }
  await Promise.all([poll(), poll(), poll(), poll()])
  return received
}

/** A server that decodes nothing and answers with what it got, in a process of its own. */
class Echo implements AsyncDisposable {
  readonly address: string
  readonly #child: ChildProcess

  private constructor(address: string, child: ChildProcess) {
    this.address = address
    this.#child = child
  }

  static async start(): Promise<Echo> {
    const file = fileURLToPath(new URL('echo-server.ts', import.meta.url))
    const child = spawn(process.execPath, ['--conditions=cometmq-source', file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if (child.stdout === null) throw new Error('the echo server has no output')
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    return new Echo(line, child)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill()
    return Promise.resolve()
  }
}
