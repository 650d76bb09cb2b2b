import { createHmac, randomUUID } from 'node:crypto'
import type { Method } from '@cometmq/protocol'
import {
  loadMessagingService,
  type Message,
  type MessagingMethods,
  type ReceiveMessageResponse__Input,
  type SystemProperties__Input,
  type TelemetryCommand__Input,
} from '@cometmq/protocol/rocketmq'
import type { CallOptions, Connection, MessageStream, Transport } from '@cometmq/runtime'

export const methods: MessagingMethods = loadMessagingService()

let nextMessage = 0

/** What an official client puts into a request, as far as it matters here. */
export interface MessageToSend {
  readonly topic: string
  readonly body?: Buffer
  readonly properties?: Readonly<Record<string, string>>
  readonly system?: SystemProperties__Input
}

/** One `ReceiveMessage`. */
export interface Ask {
  readonly group: string
  readonly topic: string
  readonly brokerName?: string
  readonly queueId?: number
  readonly batchSize?: number
  readonly invisibleSeconds?: number
  readonly autoRenew?: boolean
  readonly pollSeconds?: number
  readonly attemptId?: string
  readonly filter?: { readonly type: string; readonly expression: string }
}

type Loose = Record<string, unknown>

/** A client that says what it is told to, and no more: it can behave as any of the official ones. */
export class RawClient {
  readonly clientId: string
  readonly language: string
  readonly #transport: Transport
  readonly #metadata: Readonly<Record<string, string>>
  readonly #connections = new Map<string, Connection>()

  constructor(
    transport: Transport,
    options: {
      readonly language?: string
      readonly metadata?: Readonly<Record<string, string>>
      readonly clientId?: string
    } = {},
  ) {
    this.#transport = transport
    this.clientId = options.clientId ?? `raw@${randomUUID()}`
    this.language = options.language ?? 'JAVA'
    this.#metadata = options.metadata ?? {}
  }

  get metadata(): Readonly<Record<string, string>> {
    return {
      'x-mq-client-id': this.clientId,
      'x-mq-language': this.language,
      'x-mq-client-version': '5.0.8',
      'x-mq-protocol': 'v2',
      'x-mq-date-time': '20260101T000000Z',
      ...this.#metadata,
    }
  }

  /** One unary call; requests are partial, as protobuf allows. */
  call<Name extends keyof MessagingMethods>(
    address: string,
    name: Name,
    request: object,
    options: CallOptions = {},
  ): Promise<ReturnType<MessagingMethods[Name]['decodeResponse']>> {
    const method = methods[name] as unknown as Method<
      Loose,
      ReturnType<MessagingMethods[Name]['decodeResponse']>
    >
    return this.#connection(address).call(method, request as Loose, {
      timeoutMs: 10_000,
      ...options,
      metadata: options.metadata ?? this.metadata,
    })
  }

  /** Sends one message; resolves to the answer, whatever it says. */
  send(address: string, ...messages: readonly MessageToSend[]) {
    return this.call(address, 'SendMessage', { messages: messages.map(messageOf) })
  }

  /** All that a server stream says. */
  collect<Response>(
    address: string,
    name: 'ReceiveMessage' | 'PullMessage',
    request: object,
    options: CallOptions = {},
  ): Promise<Response[]> {
    const stream = this.open<Response>(address, name, options)
    const answers: Response[] = []
    return new Promise((resolve, reject) => {
      stream.receive({
        message: (answer) => void answers.push(answer),
        ended: () => resolve(answers),
        failed: reject,
      })
      stream.send(request as Loose)
      stream.end()
    })
  }

  async receive(
    address: string,
    ask: Ask & {
      readonly timeoutMs?: number
      readonly signal?: AbortSignal
    },
  ): Promise<{ code: string; messages: Message[]; kinds: string[] }> {
    const answers = await this.collect<ReceiveMessageResponse__Input>(
      address,
      'ReceiveMessage',
      receiveRequestOf(ask),
      {
        timeoutMs: ask.timeoutMs ?? 30_000,
        ...(ask.signal === undefined ? {} : { signal: ask.signal }),
      },
    )
    return {
      code: String(answers.find(({ status }) => status)?.status?.code ?? 'none'),
      messages: answers.flatMap(({ message }) => (message ? [message as Message] : [])),
      kinds: answers.map(({ content }) => content ?? 'none'),
    }
  }

  open<Response>(
    address: string,
    name: 'ReceiveMessage' | 'PullMessage' | 'Telemetry',
    options: CallOptions = {},
  ): MessageStream<Loose, Response> {
    return this.#connection(address).open(methods[name] as unknown as Method<Loose, Response>, {
      ...options,
      metadata: this.metadata,
    })
  }

  /** A telemetry stream, with what it has received so far. */
  telemetry(address: string) {
    const stream = this.open<TelemetryCommand__Input>(address, 'Telemetry')
    const line = {
      stream,
      commands: [] as TelemetryCommand__Input[],
      outcome: undefined as string | undefined,
    }
    stream.receive({
      message: (command) => void line.commands.push(command),
      ended: () => (line.outcome = 'ended'),
      failed: (error) => (line.outcome = error.code),
    })
    return line
  }

  #connection(address: string): Connection {
    let connection = this.#connections.get(address)
    if (connection === undefined) {
      connection = this.#transport.connect(address)
      this.#connections.set(address, connection)
    }
    return connection
  }
}

export function receiveRequestOf(ask: Ask): Loose {
  return {
    group: { name: ask.group },
    messageQueue: {
      topic: { name: ask.topic },
      id: ask.queueId ?? -1,
      broker: { name: ask.brokerName ?? '' },
    },
    filterExpression: ask.filter ?? { type: 'TAG', expression: '*' },
    batchSize: ask.batchSize ?? 32,
    autoRenew: ask.autoRenew ?? false,
    ...(ask.attemptId === undefined ? {} : { attemptId: ask.attemptId }),
    ...(ask.invisibleSeconds === undefined
      ? {}
      : { invisibleDuration: { seconds: ask.invisibleSeconds, nanos: 0 } }),
    ...(ask.pollSeconds === undefined
      ? {}
      : { longPollingTimeout: { seconds: ask.pollSeconds, nanos: 0 } }),
  }
}

function messageOf({ topic, body, properties, system }: MessageToSend) {
  return {
    topic: { name: topic },
    body: body ?? Buffer.from('hello'),
    userProperties: properties ?? {},
    systemProperties: {
      messageId: `0102FC00000001${(nextMessage++).toString(16).toUpperCase().padStart(20, '0')}`,
      messageType: 'NORMAL',
      bodyEncoding: 'IDENTITY',
      bornTimestamp: { seconds: Math.floor(Date.now() / 1_000), nanos: 0 },
      bornHost: 'here',
      ...system,
    },
  }
}

export function signed(
  accessKey: string,
  secretKey: string,
  options: { readonly dateTime?: string; readonly suffix?: string; readonly upper?: boolean } = {},
): Readonly<Record<string, string>> {
  const dateTime = options.dateTime ?? '20260101T000000Z'
  const hex = createHmac('sha1', secretKey).update(dateTime).digest('hex')
  const signature = options.upper === true ? hex.toUpperCase() : hex
  return {
    'x-mq-date-time': dateTime,
    authorization: `MQv2-HMAC-SHA1 Credential=${accessKey}${options.suffix ?? ''}, SignedHeaders=x-mq-date-time, Signature=${signature}`,
  }
}
