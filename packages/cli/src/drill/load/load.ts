import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type CometClient, connect, text } from '@cometmq/client'
import { toCometError } from '@cometmq/protocol'
import { silentLogger } from '@cometmq/runtime'
import type { DrillGroups } from '../judge.ts'
import { hashOf, idOf, Ledger } from '../ledger.ts'
import type { LoadProgress, LoadTask } from './load-task.ts'

const QUEUES = 4
/** Of a role: one that is busy must not hold up what all of them see. */
const PROCESSES = 2
const KEYED = 4
const UNKEYED = 2
/** A member that is lost must not hold up the end of a drill for long. */
const INVISIBLE_MS = 10_000
/** No message is to end among the dead letters, however often its broker dies. */
const MAX_ATTEMPTS = 1_000

/** Producers and consumers in processes of their own, and what they write down. */
export class DrillLoad implements AsyncDisposable {
  readonly topic: string
  readonly groups: DrillGroups
  /** Of all ledgers. */
  readonly directory: string
  readonly #comet: CometClient
  readonly #producers: readonly LoadProcess[]
  readonly #consumers: readonly LoadProcess[]

  #isOver = false

  private constructor(parts: {
    readonly name: string
    readonly directory: string
    readonly comet: CometClient
    readonly producers: readonly LoadProcess[]
    readonly consumers: readonly LoadProcess[]
  }) {
    this.topic = parts.name
    this.groups = groupsOf(parts.name)
    this.directory = parts.directory
    this.#comet = parts.comet
    this.#producers = parts.producers
    this.#consumers = parts.consumers
  }

  /**
   * Makes the topic and both groups, and resolves when all clients are at work. `name`: of the topic;
   * those of the groups begin with it. `perSecond`: messages, of all producers together.
   */
  static async start(options: {
    readonly endpoints: readonly string[]
    readonly directory: string
    readonly name: string
    readonly perSecond: number
    readonly producers: number
    readonly consumers: number
  }): Promise<DrillLoad> {
    const { endpoints, name, perSecond } = options
    const directory = path.join(options.directory, 'ledgers')
    await mkdir(directory, { recursive: true })
    await using undone = new AsyncDisposableStack()
    const comet = undone.use(await connect({ endpoints, log: silentLogger }))
    await comet.admin.topics.create(name, { queueCount: QUEUES })
    undone.defer(() => remove(comet, name).catch(() => {}))
    const groups = groupsOf(name)
    for (const [group, fifo] of [
      [groups.shared, false] as const,
      [groups.ordered, true] as const,
    ]) {
      const settings = { invisibleMs: INVISIBLE_MS, maxAttempts: MAX_ATTEMPTS, fifo }
      await comet.admin.groups.create(group, {
        start: 'earliest',
        retryDelaysMs: [100, 500, 1_000],
        ...settings,
      })
    }
    const start = (task: LoadTask): LoadProcess => undone.use(new LoadProcess(task))
    const common = (role: string, clients: number, index: number) => ({
      endpoints,
      topic: name,
      clients,
      name: `${role}-${index}`,
      ledger: path.join(directory, `${role}-${index}.jsonl`),
    })
    const pauseMs = (options.producers * (KEYED + UNKEYED) * 1_000) / perSecond
    const lanes = { keyed: KEYED, unkeyed: UNKEYED, pauseMs }
    const consumers = spread(options.consumers).map((clients, index) =>
      start({ role: 'consumer', groups, ...common('consumer', clients, index) }),
    )
    const producers = spread(options.producers).map((clients, index) =>
      start({ role: 'producer', ...lanes, ...common('producer', clients, index) }),
    )
    await Promise.all([...consumers, ...producers].map((each) => each.ready))
    undone.move()
    return new DrillLoad({ name, directory, comet, producers, consumers })
  }

  /** Whether it was ended, in order or not. */
  get isOver(): boolean {
    return this.#isOver
  }

  get progress(): LoadProgress {
    const all = [...this.#producers, ...this.#consumers].map((each) => each.progress)
    const acknowledged: Record<string, number> = {}
    for (const each of all) {
      for (const [broker, count] of Object.entries(each.acknowledged)) {
        acknowledged[broker] = (acknowledged[broker] ?? 0) + count
      }
    }
    const sum = (of: (each: LoadProgress) => number): number =>
      all.reduce((total, each) => total + of(each), 0)
    return {
      acknowledged,
      delivered: sum((each) => each.delivered),
      redelivered: sum((each) => each.redelivered),
      failed: sum((each) => each.failed),
    }
  }

  /** Resolves when all that was sent is settled. */
  async stopSending(): Promise<void> {
    await Promise.all(this.#producers.map((each) => each.finish()))
  }

  /** What both groups have still to do, on every broker group; undefined while one does not answer. */
  async backlog(brokerGroups: number): Promise<number | undefined> {
    const { shared, ordered } = this.groups
    let backlog = 0
    for (const group of [shared, ordered]) {
      const descriptions = await this.#comet.admin.groups.describe(group).catch(() => [])
      if (descriptions.length < brokerGroups) return undefined
      for (const { queues } of descriptions) for (const queue of queues) backlog += queue.backlog
    }
    return backlog
  }

  async stopConsuming(): Promise<void> {
    await Promise.all(this.#consumers.map((each) => each.finish()))
  }

  /** Every queue from its first message to its end, written down as whoever reads it sees it. */
  async readQueues(): Promise<void> {
    using ledger = new Ledger(path.join(this.directory, 'final.jsonl'))
    const topic = this.#comet.topic(this.topic, { codec: text() })
    // What a slave calls the end may be old.
    await using reader = topic.reader({ from: 'earliest', untilEnd: true, fromSlaves: false })
    for await (const { body, brokerName, queueId, queueOffset } of reader) {
      const place = { brokerName, queueId, queueOffset }
      ledger.write({ kind: 'stored', id: idOf(body), hash: hashOf(body), ...place })
    }
  }

  /** Takes the topic and both groups off the cluster; what was written down stays. */
  async remove(): Promise<void> {
    await this.#endProcesses()
    await remove(this.#comet, this.topic)
  }

  /** Once nothing is left of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#endProcesses()
    // The brokers may be away for good, and closing waits for what they have to answer.
    await Promise.race([this.#comet.close(), sleep(1_000)])
  }

  async #endProcesses(): Promise<void> {
    this.#isOver = true
    for (const each of [...this.#producers, ...this.#consumers]) await each[Symbol.asyncDispose]()
  }
}

function groupsOf(name: string): DrillGroups {
  return { shared: `${name}-shared`, ordered: `${name}-ordered` }
}

async function remove(comet: CometClient, name: string): Promise<void> {
  const { shared, ordered } = groupsOf(name)
  // What a start that failed has not made cannot be missed.
  for (const group of [shared, ordered]) {
    await comet.admin.groups.delete(group, { force: true }).catch(unlessMissing)
  }
  await comet.admin.topics.delete(name).catch(unlessMissing)
}

function unlessMissing(error: unknown): void {
  const { code } = toCometError(error)
  if (code !== 'GROUP_NOT_FOUND' && code !== 'TOPIC_NOT_FOUND') throw error
}

/** Clients of each process; every process has one. */
function spread(clients: number): number[] {
  const processes = Math.min(PROCESSES, clients)
  return Array.from({ length: processes }, (_, index) =>
    Math.floor((clients + processes - 1 - index) / processes),
  )
}

/** The same file, as a source or as what was built of it. */
const SUFFIX = path.extname(import.meta.url)

class LoadProcess implements AsyncDisposable {
  readonly ready: Promise<void>
  readonly #name: string
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>
  #progress: LoadProgress = { acknowledged: {}, delivered: 0, redelivered: 0, failed: 0 }

  constructor(task: LoadTask) {
    const script = fileURLToPath(new URL(`load-process${SUFFIX}`, import.meta.url))
    this.#name = task.name
    this.#child = fork(script, [JSON.stringify(task)], {
      execArgv: SUFFIX === '.ts' ? ['--conditions=cometmq-source'] : [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.#ended = once(this.#child, 'exit')
    const first = once(this.#child, 'message')
    const died = this.#ended.then(() => Promise.reject(new Error(`${this.#name} has ended`)))
    this.ready = Promise.race([first, died]).then(() => {})
    this.#child.on('message', (progress: LoadProgress) => {
      this.#progress = progress
    })
  }

  get progress(): LoadProgress {
    return this.#progress
  }

  /** Resolves when it has ended in order. */
  async finish(): Promise<void> {
    if (this.#child.connected) this.#child.send('stop')
    await this.#ended
    if (this.#child.exitCode !== 0)
      throw new Error(`${this.#name} ended with ${this.#child.exitCode}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await this.#ended
  }
}
