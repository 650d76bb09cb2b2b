import { randomBytes } from 'node:crypto'
import { bytes, type CometClient } from '@cometmq/client'
import { CometError } from '@cometmq/protocol'
import { Cluster } from '../cluster.ts'
import { type OperatorOptions, withCluster } from '../operator.ts'
import { show, type View } from '../output.ts'
import { Progress } from '../progress.ts'
import { tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { formatDuration } from '../units.ts'

export interface BenchOptions extends OperatorOptions {
  /** Without it, a topic is made and deleted. */
  readonly topic?: string
  readonly messages: number
  readonly size: number
  readonly window: number
  readonly queues: number
  readonly consume: boolean
}

/** A consumer that got nothing for so long will get nothing more. */
const STALL_MS = 10_000

/** Publishes to a running cluster while a group consumes it. */
export async function bench(terminal: Terminal, options: BenchOptions): Promise<void> {
  const run = `bench-${randomBytes(4).toString('hex')}`
  const topic = options.topic ?? run
  await withCluster(terminal, options, async (cluster, { comet }) => {
    if (options.topic === undefined) await createTopic(cluster, topic, options)
    // An interrupted bench cleans up as well.
    const cleaner = new Cluster(comet.admin, {
      timeoutMs: options.timeout,
      signal: new AbortController().signal,
    })
    let result: BenchResult
    try {
      result = await measure(terminal, comet, { topic, run }, options)
    } catch (error) {
      // Why it failed is what matters.
      await cleanUp(cleaner, { topic, run }, options).catch(() => {})
      throw error
    }
    await cleanUp(cleaner, { topic, run }, options)
    show(terminal, options, benchView(topic, options, result))
  })
}

interface Names {
  readonly topic: string
  /** Names this run: the group, and the tag of its messages. */
  readonly run: string
}

interface BenchResult {
  readonly publish: Speed & {
    readonly p50Ms: number
    readonly p99Ms: number
    readonly maxMs: number
  }
  readonly consume: Speed | undefined
}

interface Speed {
  readonly messages: number
  readonly seconds: number
}

async function measure(
  terminal: Terminal,
  comet: CometClient,
  { topic: name, run }: Names,
  options: BenchOptions,
): Promise<BenchResult> {
  using progress = new Progress(terminal)
  const topic = comet.topic(name, { codec: bytes() })
  const received = new Countdown(options.messages)
  // A topic that is not ours may hold a lot of old messages.
  const from = options.topic === undefined ? 'earliest' : 'latest'
  await using consumer = options.consume
    ? topic.consume({ group: run, from, filter: run, concurrency: options.window }, () => {
        received.count()
      })
    : undefined
  await consumer?.ready({ signal: terminal.stop })

  const startedAtMs = performance.now()
  const latenciesMs = new Float64Array(options.messages)
  const body = randomBytes(options.size)
  let stored = 0
  const showProgress = (): void =>
    progress.update(() => {
      const perSecond = Math.round(stored / ((performance.now() - startedAtMs) / 1_000))
      const consumed = options.consume ? `, ${received.counted} consumed` : ''
      return `${stored} of ${options.messages} published (${perSecond}/s)${consumed}`
    })
  await inWindow(options.messages, options.window, terminal.stop, async (index) => {
    const sentAtMs = performance.now()
    await topic.send(body, { tag: run, timeout: options.timeout })
    latenciesMs[index] = performance.now() - sentAtMs
    stored += 1
    showProgress()
  })
  const publishedMs = performance.now() - startedAtMs
  latenciesMs.sort()

  if (options.consume) await received.reached(showProgress, terminal.stop)
  const consumedMs = performance.now() - startedAtMs
  return {
    publish: {
      messages: options.messages,
      seconds: publishedMs / 1_000,
      p50Ms: percentile(latenciesMs, 0.5),
      p99Ms: percentile(latenciesMs, 0.99),
      maxMs: latenciesMs.at(-1) ?? 0,
    },
    consume: options.consume
      ? { messages: received.counted, seconds: consumedMs / 1_000 }
      : undefined,
  }
}

/** Runs `send` for each index, `window` of them at once. Rejects with the first failure. */
async function inWindow(
  total: number,
  window: number,
  stop: AbortSignal,
  send: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < total) {
      if (stop.aborted) throw new CometError('CANCELLED', 'the bench was interrupted')
      const index = next
      next += 1
      await send(index)
    }
  }
  await Promise.all(Array.from({ length: Math.min(window, total) }, lane))
}

/** Counts up to a number and tells when it is reached. */
class Countdown {
  readonly #total: number
  readonly #reached = Promise.withResolvers<void>()
  #counted = 0

  constructor(total: number) {
    this.#total = total
  }

  get counted(): number {
    return this.#counted
  }

  count(): void {
    this.#counted += 1
    if (this.#counted === this.#total) this.#reached.resolve()
  }

  /** Rejects with `TIMEOUT` when nothing came for a while. */
  async reached(look: () => void, stop: AbortSignal): Promise<void> {
    let lastCounted = -1
    let lastAtMs = performance.now()
    const timer = setInterval(() => {
      look()
      if (stop.aborted) {
        this.#reached.reject(new CometError('CANCELLED', 'the bench was interrupted'))
      } else if (this.#counted !== lastCounted) {
        lastCounted = this.#counted
        lastAtMs = performance.now()
      } else if (performance.now() - lastAtMs > STALL_MS) {
        const got = `${this.#counted} of ${this.#total} messages`
        const wait = formatDuration(STALL_MS)
        this.#reached.reject(
          new CometError('TIMEOUT', `consumed ${got}, then nothing came for ${wait}`),
        )
      }
    }, 100)
    try {
      await this.#reached.promise
    } finally {
      clearInterval(timer)
    }
  }
}

async function createTopic(cluster: Cluster, topic: string, options: BenchOptions): Promise<void> {
  await cluster.change('CreateTopic', {
    topic,
    queueCount: options.queues,
    everywhere: true,
  })
}

async function cleanUp(
  cluster: Cluster,
  { topic, run }: Names,
  options: BenchOptions,
): Promise<void> {
  if (options.consume) {
    await cluster.change('DeleteGroup', { group: run, everywhere: true, force: true })
  }
  if (options.topic === undefined) {
    await cluster.change('DeleteTopic', { topic, everywhere: true })
  }
}

function percentile(sorted: Float64Array, part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}

function benchView(topic: string, options: BenchOptions, { publish, consume }: BenchResult): View {
  const speeds = [
    { name: 'publish', ...publish },
    ...(consume === undefined ? [] : [{ name: 'consume', ...consume }]),
  ].map((speed) => ({
    ...speed,
    messagesPerSecond: Math.round(speed.messages / speed.seconds),
    mibPerSecond: (speed.messages * options.size) / speed.seconds / 2 ** 20,
  }))
  const [published, consumed] = speeds
  return {
    document: {
      topic,
      size: options.size,
      window: options.window,
      publish: published,
      ...(consumed === undefined ? {} : { consume: consumed }),
    },
    lines: (style) => [
      ...tableLines(
        [
          { title: '', value: ({ name }) => name },
          { title: 'MESSAGES', value: ({ messages }) => messages },
          { title: 'SECONDS', value: ({ seconds }) => seconds.toFixed(2), align: 'right' },
          { title: 'PER SECOND', value: ({ messagesPerSecond }) => messagesPerSecond },
          {
            title: 'MIB PER SECOND',
            value: ({ mibPerSecond }) => mibPerSecond.toFixed(1),
            align: 'right',
          },
        ],
        speeds,
        style,
      ),
      '',
      `answers to publishers: p50 ${publish.p50Ms.toFixed(2)} ms, p99 ${publish.p99Ms.toFixed(2)} ms, max ${publish.maxMs.toFixed(2)} ms`,
      `bodies of ${options.size} bytes, at most ${options.window} unanswered`,
    ],
  }
}
