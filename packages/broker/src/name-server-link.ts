import {
  type BrokerAddress,
  CometError,
  errorCodeOfId,
  type RegisteredTopic,
  type RegisterRequest,
  type RegisterResponse,
  type Registration,
  type Services,
} from '@cometmq/protocol'
import {
  backoffMs,
  type Connection,
  type Logger,
  type MessageStream,
  type Runtime,
  type Timer,
} from '@cometmq/runtime'

/** What name servers are told of this broker. */
export interface RegistrationSource {
  /** All of it, as of now. */
  registration(): Registration
  isWritable(): boolean
}

export interface NameServerStatus {
  readonly address: string
  /** `refused`: the name server answers, but does not take this broker. */
  readonly state: 'connecting' | 'registered' | 'refused' | 'broken' | 'left'
  /** Why it is not registered; empty while it is. */
  readonly why: string
}

/** What a name server knows of the broker group, and of all brokers of the cluster. */
export interface HeardOfGroup {
  readonly masterPresent: boolean
  readonly brokers: readonly BrokerAddress[]
  readonly ageMs: number
}

const BEAT_MS = 1_000
/** Three beats without an answer: the connection is as good as broken. */
const SILENCE_MS = 3_000
/** An operator has to change something first; a name that is only just free is taken soon enough. */
const REFUSED_RETRY_MS = 2_000
const RECONNECT = { baseMs: 100, maxMs: 500 }
/** Topics in one message; with the longest names it stays far below the bound of a gRPC message. */
const TOPICS_PER_MESSAGE = 20_000
/** A name server that does not take a goodbye within it learns by silence. */
const GOODBYE_MS = 1_000

type RegisterStream = MessageStream<RegisterRequest, RegisterResponse>
type BeatAnswer = NonNullable<RegisterResponse['beat']>
/** The name server has answered, to a beat if there is one. */
type Registered = (brokers: readonly BrokerAddress[], beat?: BeatAnswer) => void
type Ending = { readonly kind: 'refused' | 'broken'; readonly why: string }

/** The `Register` stream to one name server: registers, tells changes, beats, comes back. */
export class NameServerLink {
  readonly #clock: Runtime['clock']
  readonly #random: Runtime['random']
  readonly #log: Logger
  readonly #services: Services
  readonly #source: RegistrationSource
  readonly #connection: Connection
  readonly #stopped = new AbortController()
  #session: Session | undefined
  /** Of the pause before the next attempt. */
  #wait = new AbortController()
  /** The next attempt comes at once. */
  #isWanted = false
  #running: Promise<void> | undefined
  #status: NameServerStatus
  #brokers: readonly BrokerAddress[] = []
  #answer: (BeatAnswer & { readonly atMs: number }) | undefined

  constructor(
    ports: Pick<Runtime, 'clock' | 'random' | 'transport' | 'log'>,
    options: {
      readonly address: string
      readonly services: Services
      readonly source: RegistrationSource
    },
  ) {
    this.#clock = ports.clock
    this.#random = ports.random
    this.#log = ports.log.child({ nameserver: options.address })
    this.#services = options.services
    this.#source = options.source
    this.#connection = ports.transport.connect(options.address)
    this.#status = { address: options.address, state: 'connecting', why: '' }
  }

  get status(): NameServerStatus {
    return this.#status
  }

  /** All brokers this name server hears, as of its last answer. */
  get brokers(): readonly BrokerAddress[] {
    return this.#brokers
  }

  /** What its last beat was answered with; `undefined`: none was. */
  get heardOfGroup(): HeardOfGroup | undefined {
    if (this.#answer === undefined) return undefined
    const { masterPresent, brokers, atMs } = this.#answer
    return { masterPresent, brokers, ageMs: this.#clock.elapsedMs() - atMs }
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Registers anew at once, or for the first time. */
  again(): void {
    if (this.#session?.registerAgain() === true) return
    this.#isWanted = true
    this.#session?.abandon()
    this.#wait.abort()
    this.start()
  }

  topicChanged(topic: RegisteredTopic): void {
    this.#session?.topicChanged(topic)
  }

  topicRemoved(topic: string): void {
    this.#session?.topicRemoved(topic)
  }

  writableChanged(writable: boolean): void {
    this.#session?.writableChanged(writable)
  }

  async goodbye(): Promise<void> {
    this.#setStatus('left', 'this broker said goodbye')
    this.#stopped.abort()
    await this.#session?.goodbye()
    await this.#running
    this.#connection.close()
  }

  close(): void {
    this.#setStatus('left', 'this broker has closed')
    this.#stopped.abort()
    this.#session?.abandon()
    this.#connection.close()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped
    let attempt = 0
    while (!signal.aborted) {
      this.#isWanted = false
      const session = new Session(
        this.#clock,
        this.#source,
        this.#connection.open(this.#services.cluster.Register),
        (brokers, beat) => {
          attempt = 0
          this.#brokers = brokers
          if (beat !== undefined) this.#answer = { ...beat, atMs: this.#clock.elapsedMs() }
          this.#setStatus('registered', '')
        },
      )
      this.#session = session
      const ending = await session.ended
      this.#session = undefined
      if (signal.aborted) return
      if (this.#isWanted) continue
      this.#setStatus(ending.kind, ending.why)
      const waitMs =
        ending.kind === 'refused' ? REFUSED_RETRY_MS : backoffMs(attempt++, RECONNECT, this.#random)
      this.#wait = new AbortController()
      await this.#clock.sleep(waitMs, AbortSignal.any([signal, this.#wait.signal])).catch(() => {})
    }
  }

  /** Logs what is new and nothing twice: a link that stays down is one line. */
  #setStatus(state: NameServerStatus['state'], why: string): void {
    const before = this.#status
    if (before.state === 'left' || (before.state === state && before.why === why)) return
    this.#status = { ...before, state, why }
    if (state === 'registered') this.#log.info({}, 'registered with the name server')
    else if (state === 'left') this.#log.info({ why }, 'left the name server')
    else this.#log.warn({ state, why }, 'not registered with the name server')
  }
}

/** One stream, from its registration to its end. */
class Session {
  readonly ended: Promise<Ending>
  readonly #clock: Runtime['clock']
  readonly #source: RegistrationSource
  readonly #stream: RegisterStream
  readonly #settle: (ending: Ending) => void
  readonly #changed = new Map<string, RegisteredTopic>()
  readonly #removed = new Set<string>()
  #writable: boolean | undefined
  #flushing = false
  #blocked = false
  #over = false
  #answeredAtMs: number
  #beatNumber = 0
  #timer: Timer

  constructor(
    clock: Runtime['clock'],
    source: RegistrationSource,
    stream: RegisterStream,
    registered: Registered,
  ) {
    const { promise, resolve } = Promise.withResolvers<Ending>()
    this.ended = promise
    this.#settle = resolve
    this.#clock = clock
    this.#source = source
    this.#stream = stream
    this.#answeredAtMs = clock.elapsedMs()
    stream.receive({
      message: (response) => this.#take(response, registered),
      ended: () => this.#end({ kind: 'broken', why: 'the name server ended the stream' }),
      failed: (error) => this.#end({ kind: 'broken', why: `${error.code}: ${error.message}` }),
    })
    this.#register()
    this.#timer = clock.schedule(BEAT_MS, () => this.#beat())
  }

  /** Takes the place of what was said before. `false`: this stream cannot be used for it. */
  registerAgain(): boolean {
    if (this.#over || this.#blocked) return false
    this.#changed.clear()
    this.#removed.clear()
    this.#writable = undefined
    this.#register()
    return true
  }

  topicChanged(topic: RegisteredTopic): void {
    this.#removed.delete(topic.topic)
    this.#changed.set(topic.topic, topic)
    this.#flushSoon()
  }

  topicRemoved(topic: string): void {
    this.#changed.delete(topic)
    this.#removed.add(topic)
    this.#flushSoon()
  }

  writableChanged(writable: boolean): void {
    this.#writable = writable
    this.#flushSoon()
  }

  async goodbye(): Promise<void> {
    if (this.#over) return
    this.#timer.cancel()
    this.#stream.send({ goodbye: {} })
    this.#stream.end()
    const late = this.#clock.schedule(GOODBYE_MS, () => this.abandon())
    await this.ended
    late.cancel()
  }

  abandon(): void {
    if (this.#over) return
    this.#stream.cancel()
    this.#end({ kind: 'broken', why: 'given up' })
  }

  #register(): void {
    const registration = this.#source.registration()
    const rest = registration.topics.splice(TOPICS_PER_MESSAGE)
    for (const topic of rest) this.#changed.set(topic.topic, topic)
    if (!this.#source.isWritable()) this.#writable = false
    this.#send({ registration })
    this.#flushSoon()
  }

  #take(response: RegisterResponse, registered: Registered): void {
    this.#answeredAtMs = this.#clock.elapsedMs()
    switch (response.kind) {
      case 'registered':
        return registered(response.registered?.brokers ?? [])
      case 'beat':
        return registered(response.beat?.brokers ?? [], response.beat ?? undefined)
      case 'refused': {
        const { error = 0, message = '' } = response.refused ?? {}
        this.#stream.end()
        return this.#end({ kind: 'refused', why: `${errorCodeOfId(error)}: ${message}` })
      }
      case undefined:
        return
    }
  }

  #beat(): void {
    if (this.#over) return
    if (this.#clock.elapsedMs() - this.#answeredAtMs >= SILENCE_MS) {
      this.#stream.cancel(new CometError('TIMEOUT', 'the name server does not answer'))
      this.#end({ kind: 'broken', why: 'TIMEOUT: the name server does not answer' })
      return
    }
    if (!this.#blocked) this.#send({ beat: { number: this.#beatNumber++ } })
    this.#timer = this.#clock.schedule(BEAT_MS, () => this.#beat())
  }

  /** Changes of one turn travel together; those that a slow name server does not take wait as a set. */
  #flushSoon(): void {
    if (this.#flushing || !this.#isFlushDue) return
    this.#flushing = true
    queueMicrotask(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  get #isFlushDue(): boolean {
    if (this.#blocked || this.#over) return false
    return this.#changed.size > 0 || this.#removed.size > 0 || this.#writable !== undefined
  }

  #flush(): void {
    if (!this.#isFlushDue) return
    const changed: RegisteredTopic[] = []
    for (const [name, topic] of this.#changed) {
      if (changed.length === TOPICS_PER_MESSAGE) break
      this.#changed.delete(name)
      changed.push(topic)
    }
    const removed = [...this.#removed]
    this.#removed.clear()
    const writable = this.#writable
    this.#writable = undefined
    this.#send({
      changes: {
        changed,
        removed,
        writable: writable ?? false,
        hasWritable: writable !== undefined,
      },
    })
    this.#flushSoon()
  }

  #send(request: RegisterRequest): void {
    if (this.#stream.send(request)) return
    this.#blocked = true
    void this.#stream.writable().then(() => {
      this.#blocked = false
      this.#flushSoon()
    })
  }

  #end(ending: Ending): void {
    if (this.#over) return
    this.#over = true
    this.#timer.cancel()
    this.#settle(ending)
  }
}
