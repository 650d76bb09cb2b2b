import assert from 'node:assert/strict'
import type { CometError, Method } from '@cometmq/protocol'
import type {
  CallContext,
  Clock,
  Handler,
  Listener,
  MessageStream,
  StreamReceiver,
  Transport,
} from '@cometmq/runtime'
import type { Subject } from './subject.ts'

export interface TransportSubject extends Subject<Transport> {
  /** The transport of another process, from which `port` is reached. */
  readonly client: Transport
  /** Where `port` can listen, with port 0. */
  readonly address: string
  /** The time that passes for both. */
  readonly clock: Clock
}

export interface Note {
  readonly text: string
}

/** Methods whose messages are JSON, so that anything can be sent, and garbage, too. */
export const echo = jsonMethod('unary', 'Echo')
export const chat = jsonMethod('bidi', 'Chat')
export const watch = jsonMethod('server-stream', 'Watch')

/** Chat whose requests are no JSON. */
export const garbledChat: Method<Note, Note> = { ...chat, encodeRequest: () => Buffer.from('{') }
export const garbledEcho: Method<Note, Note> = { ...echo, encodeRequest: () => Buffer.from('{') }

function jsonMethod(kind: Method<Note, Note>['kind'], name: string): Method<Note, Note> {
  const encode = (note: Note): Buffer => Buffer.from(JSON.stringify(note))
  const decode = (bytes: Buffer): Note => JSON.parse(bytes.toString()) as Note
  return {
    path: `/contract.Notes/${name}`,
    kind,
    encodeRequest: encode,
    decodeRequest: decode,
    encodeResponse: encode,
    decodeResponse: decode,
  }
}

/** Collects what one end of a stream receives, and sees to it that nothing comes after the end. */
export class Inbox implements StreamReceiver<Note> {
  readonly texts: string[] = []
  /** `ended`, or the code of the failure. */
  outcome: string | undefined
  failure: CometError | undefined
  /** What the next message makes it throw. */
  throws: Error | undefined

  message(note: Note): void {
    assert(this.outcome === undefined, 'a message came after the end')
    if (this.throws !== undefined) throw this.throws
    this.texts.push(note.text)
  }

  ended(): void {
    assert(this.outcome === undefined, 'the stream ended twice')
    this.outcome = 'ended'
  }

  failed(error: CometError): void {
    assert(this.outcome === undefined, 'the stream ended twice')
    this.outcome = error.code
    this.failure = error
  }
}

/** One end of a stream together with what it has received. */
export interface Line {
  readonly stream: MessageStream<Note, Note>
  readonly inbox: Inbox
}

/** A stream that a server has taken. */
export interface AcceptedLine extends Line {
  readonly context: CallContext
}

/** Lets time pass until the condition holds; gives up after 20 s. */
export async function until(subject: TransportSubject, holds: () => boolean): Promise<void> {
  const { clock } = subject
  const giveUpMs = clock.elapsedMs() + 20_000
  while (!holds()) {
    assert(clock.elapsedMs() < giveUpMs, `it never came to: ${holds.toString()}`)
    await clock.sleep(1)
  }
}

/** The code that a call fails with. */
export function failureOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'answered',
    (error: CometError) => error.code,
  )
}

export function lineOf(stream: MessageStream<Note, Note>): Line {
  const inbox = new Inbox()
  stream.receive(inbox)
  return { stream, inbox }
}

export function serve(subject: TransportSubject, ...handlers: Handler[]): Promise<Listener> {
  return subject.port.listen({ address: subject.address, handlers })
}
