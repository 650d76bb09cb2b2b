import { setTimeout as sleep } from 'node:timers/promises'
import { type CometClient, type Topic, text } from '@cometmq/client'
import { bodyOf, hashOf, type Ledger } from '../ledger.ts'
import type { LoadProgress, ProducerTask } from './load-task.ts'

/** Of a lane: more would only wait longer while its broker group is away. */
const IN_FLIGHT = 8
/** Longer than any fault: a send that fails has found no way at all. */
const SEND_TIMEOUT = '120s'
const SIZES = [40, 200, 1_000, 200, 40, 200, 40, 12_000] as const

export interface ProducerWork {
  readonly task: ProducerTask
  readonly comet: CometClient
  /** Of the client in its process. */
  readonly index: number
  readonly ledger: Ledger
  readonly progress: LoadProgress
  readonly signal: AbortSignal
}

/** Sends until it is told to stop; resolves when all of it is settled. */
export async function produce(work: ProducerWork): Promise<void> {
  const { task, comet, index } = work
  const topic = comet.topic(task.topic, { codec: text(), timeout: SEND_TIMEOUT })
  const client = `${task.name}.${index}`
  const keyed = names(task.keyed, `${client}.key`)
  const unkeyed = names(task.unkeyed, `${client}.lane`)
  await Promise.all([
    ...keyed.map((name) => runLane(work, topic, { name, key: name })),
    ...unkeyed.map((name) => runLane(work, topic, { name, key: undefined })),
  ])
}

/** A lane of its own waits for its broker group, and those of others go on. */
async function runLane(
  work: ProducerWork,
  topic: Topic<string>,
  lane: { readonly name: string; readonly key: string | undefined },
): Promise<void> {
  const inFlight = new Set<Promise<void>>()
  for (let number = 0; !work.signal.aborted; number++) {
    const id = `${lane.name}.${number}`
    const sent = send(work, topic, { id, key: lane.key, bytes: SIZES[number % SIZES.length] ?? 0 })
    const settled = sent.finally(() => inFlight.delete(settled))
    inFlight.add(settled)
    if (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight)
    await sleep(work.task.pauseMs)
  }
  await Promise.all(inFlight)
}

async function send(
  { ledger, progress }: ProducerWork,
  topic: Topic<string>,
  message: { readonly id: string; readonly key: string | undefined; readonly bytes: number },
): Promise<void> {
  const { id, key } = message
  const body = bodyOf(id, message.bytes)
  ledger.write({ kind: 'sent', id, hash: hashOf(body), key })
  try {
    const receipt = await topic.send(body, key === undefined ? {} : { key })
    const { brokerName, queueId, queueOffset } = receipt
    ledger.write({ kind: 'acknowledged', id, brokerName, queueId, queueOffset })
    progress.acknowledged[brokerName] = (progress.acknowledged[brokerName] ?? 0) + 1
  } catch (error) {
    ledger.write({ kind: 'failed', id, why: String(error) })
    progress.failed++
  }
}

function names(count: number, prefix: string): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`)
}
