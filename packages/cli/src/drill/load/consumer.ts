import { setTimeout as sleep } from 'node:timers/promises'
import { type CometClient, type ReceivedMessage, type Topic, text } from '@cometmq/client'
import { hashOf, idOf, type Ledger } from '../ledger.ts'
import type { ConsumerTask, LoadProgress } from './load-task.ts'

/** One delivery in so many is sent back once. */
const SENT_BACK = 50
const HANDLING_MS = 2

export interface ConsumerWork {
  readonly task: ConsumerTask
  readonly comet: CometClient
  readonly ledger: Ledger
  readonly progress: LoadProgress
  readonly signal: AbortSignal
}

/** A member of both groups, until it is told to stop. */
export async function consume(work: ConsumerWork): Promise<void> {
  const { task, comet } = work
  const topic = comet.topic(task.topic, { codec: text() })
  const { shared, ordered } = task.groups
  await Promise.all([shared, ordered].map((group) => receive(work, topic, group)))
}

async function receive(work: ConsumerWork, topic: Topic<string>, group: string): Promise<void> {
  const { ledger, progress, signal } = work
  const handling = new Set<Promise<void>>()
  let count = 0
  const fifo = group === work.task.groups.ordered
  for await (const message of topic.receive({ group, signal, ...(fifo ? { fifo } : {}) })) {
    const { body, brokerName, queueId, queueOffset, attempt } = message
    const id = idOf(body)
    const hash = hashOf(body)
    const place = { brokerName, queueId, queueOffset }
    ledger.write({ kind: 'delivered', group, id, hash, attempt, ...place })
    progress.delivered++
    if (attempt > 1) progress.redelivered++
    const isSentBack = attempt === 1 && count++ % SENT_BACK === 0
    const handled = handle(work, message, { group, id, isSentBack }).finally(() =>
      handling.delete(handled),
    )
    handling.add(handled)
  }
  await Promise.all(handling)
}

async function handle(
  { ledger }: ConsumerWork,
  message: ReceivedMessage<string>,
  { group, id, isSentBack }: { group: string; id: string; isSentBack: boolean },
): Promise<void> {
  await sleep(HANDLING_MS)
  try {
    if (isSentBack) return await message.retry(20)
    ledger.write({ kind: 'finished', group, id })
    await message.ack()
    ledger.write({ kind: 'settled', group, id })
  } catch {
    // Its lease was lost with a connection: it comes again.
  }
}
