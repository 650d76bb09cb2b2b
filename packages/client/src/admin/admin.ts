import {
  type BrokerAddress,
  type BrokerDescription,
  type ChangeOutcome,
  type ClusterDescription,
  CometError,
  type ErrorCode,
  type CreateGroupRequest,
  type CreateTopicRequest,
  type DeadLetterCount,
  type DeadLettersMoved,
  errorCodeOfId,
  type GroupDescription,
  type GroupSummary,
  type Method,
  type ResetGroupRequest,
  type ResetGroupResponse,
  type Services,
  type StoredMessage,
  type TopicDescription,
  type TopicSpec,
  toCometError,
} from '@cometmq/protocol'
import type { CallOptions, Connection } from '@cometmq/runtime'
import type { RouteCache } from '../route/route-cache.ts'

export interface AdminPorts {
  readonly services: Services
  readonly routes: RouteCache
  connectionTo(brokerName: string): Connection | undefined
  /** To the master, or to a slave while no master is heard: for what never changes. */
  connectionForLookUpsTo(brokerName: string): Connection | undefined
}

type AdminMethods = Services['admin']

/** The rpcs of a broker's Admin service. */
export type AdminCall = keyof AdminMethods

export type AdminRequest<Name extends AdminCall> =
  AdminMethods[Name] extends Method<infer Request, infer _Response> ? Partial<Request> : never

export type AdminResponse<Name extends AdminCall> =
  AdminMethods[Name] extends Method<infer _Request, infer Response> ? Response : never

/** What one broker says. */
export type OnBroker<T> = T & { readonly brokerName: string }

/** What became of a call on each broker. */
export interface EveryOutcome<Response> {
  readonly answers: readonly { readonly brokerName: string; readonly answer: Response }[]
  readonly failures: readonly { readonly brokerName: string; readonly error: CometError }[]
}

const DEFAULTS: CallOptions = { timeoutMs: 30_000 }

/**
 * An operator's view of the cluster.
 *
 * Every call goes to brokers over the connections of this client. What concerns the whole cluster
 * is one call: reads ask every broker, changes are carried on by the broker that gets them.
 */
export class Admin {
  readonly topics: TopicAdmin
  readonly groups: GroupAdmin
  readonly deadLetters: DeadLetterAdmin
  readonly #ports: AdminPorts

  constructor(ports: AdminPorts) {
    this.#ports = ports
    this.topics = new TopicAdmin(this)
    this.groups = new GroupAdmin(this)
    this.deadLetters = new DeadLetterAdmin(this)
  }

  /** The masters that a name server hears, by name. */
  get brokers(): readonly BrokerAddress[] {
    return [...this.#ports.routes.brokers.values()].toSorted((a, b) =>
      a.brokerName < b.brokerName ? -1 : 1,
    )
  }

  /** One rpc on one broker. Throws `BROKER_NOT_FOUND` if no name server has heard of it. */
  async call<Name extends AdminCall>(
    brokerName: string,
    name: Name,
    request: AdminRequest<Name>,
    options: CallOptions = DEFAULTS,
  ): Promise<AdminResponse<Name>> {
    const connection = this.#ports.connectionTo(brokerName)
    return this.#callOver(connection, { brokerName, name, request, options })
  }

  /** One stored message; from a slave while the master is away. Throws `MESSAGE_NOT_FOUND`. */
  message(place: {
    readonly brokerName: string
    readonly topic: string
    readonly queueId: number
    readonly offset: number
  }): Promise<StoredMessage> {
    const { brokerName, ...request } = place
    const connection = this.#ports.connectionForLookUpsTo(brokerName)
    const name = 'GetMessage'
    return this.#callOver(connection, { brokerName, name, request, options: DEFAULTS })
  }

  async #callOver<Name extends AdminCall>(
    connection: Connection | undefined,
    call: {
      readonly brokerName: string
      readonly name: Name
      readonly request: AdminRequest<Name>
      readonly options: CallOptions
    },
  ): Promise<AdminResponse<Name>> {
    const { brokerName, name, request, options } = call
    if (connection === undefined) {
      const known = this.brokers.map((broker) => broker.brokerName).join(', ') || 'none'
      throw new CometError(
        'BROKER_NOT_FOUND',
        `no broker "${brokerName}" is registered; there are: ${known}`,
      )
    }
    const method = this.#ports.services.admin[name] as unknown as Method<
      AdminRequest<Name>,
      AdminResponse<Name>
    >
    return connection.call(method, request, options)
  }

  /** One rpc on any broker: the first that answers. */
  async callAny<Name extends AdminCall>(
    name: Name,
    request: AdminRequest<Name>,
    options: CallOptions = DEFAULTS,
  ): Promise<AdminResponse<Name>> {
    let unreachable: CometError | undefined
    for (const { brokerName } of this.brokers) {
      try {
        return await this.call(brokerName, name, request, options)
      } catch (thrown) {
        const error = toCometError(thrown)
        if (!neverBegun.has(error.code)) throw error
        unreachable = error
      }
    }
    throw unreachable ?? new CometError('BROKER_NOT_FOUND', 'no broker is registered')
  }

  /** One rpc on every broker, at the same time. */
  async callEvery<Name extends AdminCall>(
    name: Name,
    request: AdminRequest<Name>,
    options: CallOptions = DEFAULTS,
  ): Promise<EveryOutcome<AdminResponse<Name>>> {
    const answers: { brokerName: string; answer: AdminResponse<Name> }[] = []
    const failures: { brokerName: string; error: CometError }[] = []
    await Promise.all(
      this.brokers.map(async ({ brokerName }) => {
        try {
          answers.push({ brokerName, answer: await this.call(brokerName, name, request, options) })
        } catch (thrown) {
          failures.push({ brokerName, error: toCometError(thrown) })
        }
      }),
    )
    const byName = (a: { brokerName: string }, b: { brokerName: string }): number =>
      a.brokerName < b.brokerName ? -1 : 1
    return { answers: answers.toSorted(byName), failures: failures.toSorted(byName) }
  }

  /** Like `callEvery`, for answers that are of use only if all are there: throws the first failure. */
  async gather<Name extends AdminCall>(
    name: Name,
    request: AdminRequest<Name>,
  ): Promise<readonly { readonly brokerName: string; readonly answer: AdminResponse<Name> }[]> {
    const { answers, failures } = await this.callEvery(name, request)
    const [failure] = failures
    if (failure !== undefined) {
      const { brokerName, error } = failure
      throw new CometError(error.code, `${brokerName}: ${error.message}`, { cause: error })
    }
    return answers
  }

  /** What a name server knows of the cluster. */
  describeCluster(): Promise<ClusterDescription> {
    return this.#ports.routes.describeCluster()
  }

  /** Each broker in its own words; brokers that do not answer are among the failures. */
  describeBrokers(): Promise<EveryOutcome<BrokerDescription>> {
    return this.callEvery('DescribeBroker', {})
  }
}

/** `comet.admin.topics` */
export class TopicAdmin {
  readonly #admin: Admin

  constructor(admin: Admin) {
    this.#admin = admin
  }

  /** Every topic on every broker. */
  async list(options: { readonly internal?: boolean } = {}): Promise<OnBroker<TopicSpec>[]> {
    const answers = await this.#admin.gather('ListTopics', { internal: options.internal ?? false })
    return answers.flatMap(({ brokerName, answer }) =>
      answer.topics.map((topic) => ({ ...topic, brokerName })),
    )
  }

  /** The topic on each broker that has it. Throws `TOPIC_NOT_FOUND` if none has. */
  async describe(topic: string): Promise<TopicDescription[]> {
    const outcome = await this.#admin.callEvery('DescribeTopic', { topic })
    return found(outcome, 'TOPIC_NOT_FOUND', `there is no topic "${topic}"`)
  }

  /** On every broker. Throws `TOPIC_EXISTS`, or `PARTIAL_FAILURE` naming the brokers without it. */
  async create(
    topic: string,
    spec: Partial<Omit<CreateTopicRequest, 'topic' | 'everywhere'>> = {},
  ): Promise<ChangeOutcome> {
    return checked(await this.#admin.callAny('CreateTopic', { ...spec, topic, everywhere: true }))
  }

  /** On every broker. */
  async edit(
    topic: string,
    change: Omit<AdminRequest<'EditTopic'>, 'topic' | 'everywhere'>,
  ): Promise<ChangeOutcome> {
    return checked(await this.#admin.callAny('EditTopic', { ...change, topic, everywhere: true }))
  }

  /** On every broker, with all its messages. */
  async delete(topic: string): Promise<ChangeOutcome> {
    return checked(await this.#admin.callAny('DeleteTopic', { topic, everywhere: true }))
  }
}

/** `comet.admin.groups` */
export class GroupAdmin {
  readonly #admin: Admin

  constructor(admin: Admin) {
    this.#admin = admin
  }

  /** Every group on every broker. */
  async list(): Promise<OnBroker<GroupSummary>[]> {
    const answers = await this.#admin.gather('ListGroups', {})
    return answers.flatMap(({ brokerName, answer }) =>
      answer.groups.map((group) => ({ ...group, brokerName })),
    )
  }

  /** The group on each broker that has it. Throws `GROUP_NOT_FOUND` if none has. */
  async describe(group: string): Promise<GroupDescription[]> {
    const outcome = await this.#admin.callEvery('DescribeGroup', { group })
    return found(outcome, 'GROUP_NOT_FOUND', `there is no consumer group "${group}"`)
  }

  /** On every broker. */
  async create(
    group: string,
    spec: Partial<Omit<CreateGroupRequest, 'group' | 'everywhere'>> = {},
  ): Promise<ChangeOutcome> {
    return checked(await this.#admin.callAny('CreateGroup', { ...spec, group, everywhere: true }))
  }

  /** On every broker. */
  async edit(
    group: string,
    change: Omit<AdminRequest<'EditGroup'>, 'group' | 'everywhere' | 'paused'>,
  ): Promise<ChangeOutcome> {
    return checked(await this.#admin.callAny('EditGroup', { ...change, group, everywhere: true }))
  }

  /** Hands nothing more out to the group, until `resume`. Running handlers finish. */
  async pause(group: string): Promise<ChangeOutcome> {
    return this.#setPaused(group, true)
  }

  async resume(group: string): Promise<ChangeOutcome> {
    return this.#setPaused(group, false)
  }

  /** On every broker. Throws `GROUP_ACTIVE` while it has members, unless forced. */
  async delete(group: string, options: { readonly force?: boolean } = {}): Promise<ChangeOutcome> {
    const force = options.force ?? false
    return checked(await this.#admin.callAny('DeleteGroup', { group, force, everywhere: true }))
  }

  /** Moves the group's positions, on every broker; `dryRun` only shows how. */
  async reset(
    group: string,
    change: Partial<Omit<ResetGroupRequest, 'group' | 'everywhere'>>,
  ): Promise<ResetGroupResponse> {
    return checked(await this.#admin.callAny('ResetGroup', { ...change, group, everywhere: true }))
  }

  async #setPaused(group: string, paused: boolean): Promise<ChangeOutcome> {
    return checked(
      await this.#admin.callAny('EditGroup', { group, paused: String(paused), everywhere: true }),
    )
  }
}

/** `comet.admin.deadLetters`: messages that groups have given up on. */
export class DeadLetterAdmin {
  readonly #admin: Admin

  constructor(admin: Admin) {
    this.#admin = admin
  }

  /** How many each group has, on each broker. */
  async counts(): Promise<OnBroker<DeadLetterCount>[]> {
    const answers = await this.#admin.gather('ListDeadLetters', {})
    return answers.flatMap(({ brokerName, answer }) =>
      answer.counts.map((count) => ({ ...count, brokerName })),
    )
  }

  /** The oldest dead letters of a group on each broker, with why they are there. */
  async list(group: string, options: { readonly max?: number } = {}): Promise<StoredMessage[]> {
    const maxMessages = options.max ?? 100
    const answers = await this.#admin.gather('ListDeadLetters', { group, maxMessages })
    return answers.flatMap(({ answer }) => answer.messages)
  }

  /**
   * Gives them to their group again, oldest first and with all its attempts; other groups of their
   * topic notice nothing. At most `max` on each broker.
   */
  async redrive(group: string, options: { readonly max?: number } = {}): Promise<DeadLettersMoved> {
    const maxMessages = options.max ?? 0
    return checked(
      await this.#admin.callAny('RedriveDeadLetters', { group, maxMessages, everywhere: true }),
    )
  }

  async purge(group: string): Promise<DeadLettersMoved> {
    return checked(await this.#admin.callAny('PurgeDeadLetters', { group, everywhere: true }))
  }
}

/** Nothing was done, and another broker may do it. */
const neverBegun: ReadonlySet<ErrorCode> = new Set(['CONNECT_FAILED', 'DRAINING', 'NOT_MASTER'])

/** The answers of brokers that know it; those that do not are no failure as long as one does. */
function found<Response>(
  { answers, failures }: EveryOutcome<Response>,
  code: 'TOPIC_NOT_FOUND' | 'GROUP_NOT_FOUND',
  message: string,
): Response[] {
  const real = failures.find(({ error }) => error.code !== code)
  if (real !== undefined) {
    const { brokerName, error } = real
    throw new CometError(error.code, `${brokerName}: ${error.message}`, { cause: error })
  }
  if (answers.length === 0) throw new CometError(code, message)
  return answers.map(({ answer }) => answer)
}

/** Throws if a broker has failed: its error if all did, else `PARTIAL_FAILURE` naming those that did. */
function checked<Outcome extends Pick<ChangeOutcome, 'brokers'>>(outcome: Outcome): Outcome {
  const failed = outcome.brokers.filter(({ error }) => error !== 0)
  const [first] = failed
  if (first === undefined) return outcome
  if (failed.length === outcome.brokers.length) {
    throw new CometError(errorCodeOfId(first.error), first.message)
  }
  const whys = failed.map(({ brokerName, message }) => `${brokerName}: ${message}`).join('; ')
  throw new CometError(
    'PARTIAL_FAILURE',
    `done on ${outcome.brokers.length - failed.length} of ${outcome.brokers.length} brokers; ${whys}`,
    { cause: outcome },
  )
}
