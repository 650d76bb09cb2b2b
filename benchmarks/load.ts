/** The shapes of load: how messages are offered, and what is read off. The same for floor and CometMQ. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Topic } from '@cometmq/client'

export interface Rate {
  readonly messagesPerSecond: number
  readonly megabytesPerSecond: number
}

export interface Latency {
  readonly p50Ms: number
  readonly p99Ms: number
}

export function latencyOf(latenciesMs: number[]): Latency {
  latenciesMs.sort((a, b) => a - b)
  return { p50Ms: quantile(latenciesMs, 0.5), p99Ms: quantile(latenciesMs, 0.99) }
}

function quantile(sorted: readonly number[], fraction: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN
}

/** `window` messages are always on their way. Every 64th is timed. */
export async function closedLoop(load: {
  readonly bytes: number
  readonly messages: number
  readonly window: number
  readonly send: (number: number) => Promise<unknown>
}): Promise<Rate & Latency> {
  const { bytes, messages, window, send } = load
  const latenciesMs: number[] = []
  let sent = 0
  let outstanding = 0
  const start = performance.now()
  await new Promise<void>((resolve, reject) => {
    const sendOne = (): void => {
      const sentAt = sent % 64 === 0 ? performance.now() : 0
      outstanding++
      send(sent++).then(() => {
        if (sentAt > 0) latenciesMs.push(performance.now() - sentAt)
        outstanding--
        if (sent < messages) sendOne()
        else if (outstanding === 0) resolve()
      }, reject)
    }
    for (let i = 0; i < window && i < messages; i++) sendOne()
  })
  const seconds = (performance.now() - start) / 1e3
  return {
    messagesPerSecond: messages / seconds,
    megabytesPerSecond: (messages * bytes) / seconds / 1e6,
    ...latencyOf(latenciesMs),
  }
}

/** One message after the other, each timed. */
export async function serialLoop(load: {
  readonly messages: number
  readonly send: () => Promise<unknown>
}): Promise<Latency> {
  const latenciesMs: number[] = []
  for (let i = 0; i < load.messages; i++) {
    const start = performance.now()
    await load.send()
    latenciesMs.push(performance.now() - start)
  }
  return latencyOf(latenciesMs)
}

/** A steady rate, whatever the answers do. Resolves when all are answered and had time to arrive. */
export async function pacedLoop(load: {
  readonly perSecond: number
  readonly seconds: number
  readonly send: () => Promise<unknown>
}): Promise<void> {
  const total = load.perSecond * load.seconds
  const answers: Promise<unknown>[] = []
  await sleep(300)
  const start = performance.now()
  while (answers.length < total) {
    const due = Math.floor(((performance.now() - start) / 1e3) * load.perSecond)
    while (answers.length < Math.min(total, due)) answers.push(load.send())
    await sleep(1)
  }
  await Promise.all(answers)
  await sleep(300)
}

/** A group of one member, from the first message to the `messages`-th. */
export async function consumeAll(
  topic: Topic<Uint8Array>,
  options: { readonly group: string; readonly messages: number },
): Promise<Rate> {
  let count = 0
  let size = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const start = performance.now()
  await using _consumer = topic.consume({ group: options.group, from: 'earliest' }, (body) => {
    size += body.length
    if (++count === options.messages) resolve()
  })
  await promise
  const seconds = (performance.now() - start) / 1e3
  return { messagesPerSecond: count / seconds, megabytesPerSecond: size / seconds / 1e6 }
}
