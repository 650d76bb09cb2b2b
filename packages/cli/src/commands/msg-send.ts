import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { bytes, type SendReceipt, type Topic } from '@cometmq/client'
import { CometError, toCometError } from '@cometmq/protocol'
import { CommandError } from '../command-error.ts'
import { exitCodes } from '../exit-codes.ts'
import { type OperatorOptions, withCluster } from '../operator.ts'
import { show, type View } from '../output.ts'
import { Progress } from '../progress.ts'
import type { Terminal } from '../terminal.ts'
import { formatDuration } from '../units.ts'

export interface MsgSendOptions extends OperatorOptions {
  readonly file?: string
  readonly lines?: boolean
  readonly tag?: string
  /** Messages of one key keep their order. */
  readonly key?: string
  /** Business keys, with commas between. */
  readonly keys?: string
  readonly property?: Readonly<Record<string, string>>
  readonly count?: number
}

/** Messages on their way at most; more would only fill the memory. */
const WINDOW = 1_024
/** Places that the answer names; the first of a million say enough. */
const PLACES_SHOWN = 1_000

export async function msgSend(
  terminal: Terminal,
  what: { readonly topic: string; readonly body: string | undefined },
  options: MsgSendOptions,
): Promise<void> {
  const bodies = bodiesOf(terminal, what.body, options)
  await withCluster(terminal, options, async (_, { comet }) => {
    const topic = comet.topic(what.topic, { codec: bytes() })
    const sent = await sendAll(terminal, topic, bodies, options)
    show(terminal, options, sentView(what.topic, sent))
  })
}

type Bodies = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** The bodies to send, in their order. */
function bodiesOf(
  terminal: Terminal,
  body: string | undefined,
  { file, lines, count }: MsgSendOptions,
): Bodies {
  if (body !== undefined && file !== undefined) {
    throw usage('a body and --file were given', 'give one of them')
  }
  if (body !== undefined && body !== '-' && lines === true) {
    throw usage('--lines was given with a body', 'it reads the standard input or a --file')
  }
  if (body === '-' || lines === true) {
    if (count !== undefined) throw usage('--count was given with lines', 'each line is sent once')
    return linesOf(file === undefined ? terminal.input : createReadStream(file), terminal.stop)
  }
  if (file !== undefined) return repeated(readBody(file), count ?? 1)
  if (body !== undefined) return repeated(Buffer.from(body), count ?? 1)
  throw usage('no body was given', 'give one, or `-` for lines of the standard input, or --file')
}

async function* repeated(
  body: Uint8Array | Promise<Uint8Array>,
  count: number,
): AsyncGenerator<Uint8Array> {
  const bytes = await body
  for (let made = 0; made < count; made += 1) yield bytes
}

async function readBody(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    throw unreadable(file, error)
  }
}

/** Each line is one message, until the input ends or the user does. */
async function* linesOf(input: Readable, stop: AbortSignal): AsyncGenerator<Uint8Array> {
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY, signal: stop })
  // `readline` does not hand on what its input suffers.
  const failure = Promise.withResolvers<never>()
  failure.promise.catch(() => {})
  input.once('error', (error) => {
    failure.reject(error)
    lines.close()
  })
  for await (const line of lines) yield Buffer.from(line)
  const { path } = input as Readable & { readonly path?: string }
  if (input.errored !== null) throw unreadable(path ?? 'the standard input', input.errored)
}

interface Sent {
  readonly count: number
  readonly elapsedMs: number
  /** Where the first of them are. */
  readonly receipts: readonly SendReceipt[]
}

/** Throws the first failure, after all that is on its way has been settled. */
async function sendAll(
  terminal: Terminal,
  topic: Topic<Buffer, Uint8Array>,
  bodies: Bodies,
  options: MsgSendOptions,
): Promise<Sent> {
  using progress = new Progress(terminal)
  const settings = {
    timeout: options.timeout,
    ...(options.tag === undefined ? {} : { tag: options.tag }),
    ...(options.key === undefined ? {} : { key: options.key }),
    ...(options.keys === undefined ? {} : { keys: options.keys.split(',') }),
    ...(options.property === undefined ? {} : { properties: options.property }),
  }
  const startedAtMs = performance.now()
  const inFlight = new Set<Promise<void>>()
  const receipts: SendReceipt[] = []
  let count = 0
  let failure: CometError | undefined
  for await (const body of bodies) {
    if (failure !== undefined || terminal.stop.aborted) break
    const sending = topic
      .send(body, settings)
      .then(
        (receipt) => {
          count += 1
          if (receipts.length < PLACES_SHOWN) receipts.push(receipt)
        },
        (error: unknown) => {
          failure ??= toCometError(error)
        },
      )
      .finally(() => inFlight.delete(sending))
    inFlight.add(sending)
    if (inFlight.size >= WINDOW) await Promise.race(inFlight)
    progress.update(() => `${count} sent`)
  }
  await Promise.all(inFlight)
  if (failure === undefined) {
    return { count, elapsedMs: Math.round(performance.now() - startedAtMs), receipts }
  }
  const before = count === 0 ? '' : `${count} were sent, then: `
  throw new CometError(failure.code, before + failure.message, { cause: failure })
}

function sentView(topic: string, { count, elapsedMs, receipts }: Sent): View {
  const messages = receipts.map(({ id, brokerName, queueId, queueOffset }) => ({
    messageId: id,
    brokerName,
    queueId,
    offset: queueOffset,
  }))
  return {
    document: { topic, sent: count, elapsedMs, messages },
    lines: () => {
      const [first] = messages
      if (count !== 1 || first === undefined) {
        return [`sent ${count} messages to ${topic} in ${formatDuration(elapsedMs)}`]
      }
      const { brokerName, queueId, offset, messageId } = first
      return [`sent ${topic} ${brokerName}/${queueId}/${offset}  ${messageId}`]
    },
  }
}

function usage(message: string, hint: string): CommandError {
  return new CommandError(exitCodes.usage, message, hint)
}

function unreadable(what: string, error: unknown): CommandError {
  const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  return new CommandError(exitCodes.failed, `cannot read ${what}: ${reason}`)
}
