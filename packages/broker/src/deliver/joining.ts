import {
  CometError,
  type FilterText,
  isRetryTopic,
  isSameFilter,
  type LeasedRange,
  limits,
  type MessageFilter,
  parseFilter,
  type StateChange,
  TagFilter,
  type TopicDefinition,
  type TopicFilter,
} from '@cometmq/protocol'
import type { QueueKey } from '@cometmq/store'
import { putSubscription } from '../group-registry.ts'
import type { DeliveryContext } from './context.ts'
import type { GroupDelivery } from './group-delivery.ts'
import type { Lease } from './message-state.ts'
import { Member } from './member.ts'
import { putProgress } from './queue-progress.ts'
import { RangeMap } from './range-map.ts'
import { type MemberSink, Session } from './sessions.ts'
import type { Source } from './source.ts'
import { startOffset } from './start-offset.ts'
import type { TopicDelivery } from './topic-delivery.ts'

/** What somebody says who wants to be a member. */
export interface OpenMember {
  readonly group: string
  /** Stays the same over reconnects of one consumer instance. */
  readonly sessionId: string
  readonly clientId: string
  readonly peer: string
  readonly topics: readonly TopicFilter[]
  /** 0: the group's. */
  readonly invisibleMs: number
  readonly creditBytes: number
  /** It will say each time how many messages it wants; see `Member.ask`. */
  readonly isPop?: boolean
  /** What the instance still has from an earlier connection. */
  readonly held: readonly LeasedRange[]
}

const MEMBERS_MAX = 10_000

/** The id of a client, and the name of a topic. */
const SESSION_ID_MAX_CHARS = limits.clientIdMaxChars + 1 + limits.topicNameMaxChars

/** Messages of a queue that official clients count as new. */
const YOUNG_QUEUE_MESSAGES = 1_024

/** So much a member may claim to hold that we know nothing of: nobody else gets it meanwhile. */
const RESTORED_MESSAGES_MAX = 262_144

/**
 * Makes somebody a member: fixes where the group starts in topics that are new to it, lets the
 * session keep what it holds, and begins to deliver. One call at a time for a group.
 */
export async function join(
  context: DeliveryContext,
  group: GroupDelivery,
  parts: { readonly open: OpenMember; readonly sink: MemberSink },
): Promise<Member> {
  const { open, sink } = parts
  const filters = checkOpen(context, open)
  checkConflict(group, open.sessionId, filters)
  if (group.sessions.size >= MEMBERS_MAX && !group.sessions.has(open.sessionId)) {
    throw new CometError('TOO_MANY', `group "${open.group}" has ${MEMBERS_MAX} members here`)
  }
  await subscribe(context, { group: open.group, filters, isPop: open.isPop === true })
  const topics: TopicDelivery[] = []
  try {
    for (const topic of filters.keys()) {
      const delivery = await group.load(topic)
      delivery.pins++
      topics.push(delivery)
    }
    for (const topic of topics) topic.filter = filters.get(topic.topic) ?? TagFilter.all
    const session = attach(context, group, { open, sink, filters })
    // Who asks for messages has receipts, which need no connection.
    const lost = open.isPop ? [] : restore(context, group, session, open.held)
    group.attach(session)
    return new Member(context, group, { session, sink, lost })
  } finally {
    for (const topic of topics) topic.pins--
  }
}

/** Throws what is wrong with it; answers its filters. */
export function checkOpen(
  { topics }: Pick<DeliveryContext, 'topics'>,
  open: OpenMember,
): ReadonlyMap<string, MessageFilter> {
  checkText('session id', open.sessionId, SESSION_ID_MAX_CHARS)
  checkText('client id', open.clientId)
  const { invisibleMs } = open
  if (invisibleMs !== 0 && !isWithin(invisibleMs, limits.invisibleMinMs, limits.invisibleMaxMs)) {
    const range = `${limits.invisibleMinMs} to ${limits.invisibleMaxMs}`
    throw new CometError('ILLEGAL_ARGUMENT', `invisibleMs is ${invisibleMs}; give ${range}`)
  }
  if (open.topics.length === 0) throw new CometError('ILLEGAL_ARGUMENT', 'name at least one topic')
  const { topicsPerMemberMax, heldRangesMax } = limits
  if (open.topics.length > topicsPerMemberMax || open.held.length > heldRangesMax) {
    const counts = `${open.topics.length} topics and ${open.held.length} held ranges`
    const message = `${counts}; ${topicsPerMemberMax} and ${heldRangesMax} are allowed`
    throw new CometError('TOO_MANY', message)
  }
  const filters = new Map<string, MessageFilter>()
  for (const { topic, ...text } of open.topics) {
    if (filters.has(topic)) throw new CometError('ILLEGAL_ARGUMENT', `"${topic}" is named twice`)
    if (isRetryTopic(topic)) {
      throw new CometError('ILLEGAL_ARGUMENT', `"${topic}" is delivered to its group by itself`)
    }
    const definition = needTopic({ topics }, topic)
    if (!definition.readable) {
      throw new CometError('NOT_ALLOWED', `topic "${topic}" is not readable`)
    }
    filters.set(topic, parseFilter(text))
  }
  return filters
}

function needTopic({ topics }: Pick<DeliveryContext, 'topics'>, topic: string): TopicDefinition {
  const definition = topics.get(topic)
  if (definition !== undefined) return definition
  throw new CometError('TOPIC_NOT_FOUND', `there is no topic "${topic}" on this broker`)
}

function checkText(what: string, text: string, maxChars: number = limits.clientIdMaxChars): void {
  if (text.length > 0 && text.length <= maxChars) return
  throw new CometError(
    'ILLEGAL_ARGUMENT',
    `a ${what} has ${text.length} characters; give 1 to ${maxChars}`,
  )
}

/** Two members that want different messages of a topic would each lose some to the other. */
function checkConflict(
  group: GroupDelivery,
  sessionId: string,
  filters: ReadonlyMap<string, MessageFilter>,
): void {
  for (const session of group.sessions.values()) {
    if (session.id === sessionId || session.state === 'lost') continue
    for (const [topic, filter] of filters) {
      const other = session.attachment.topics.get(topic)
      if (other === undefined || isSameFilter(other.expression, filter.expression)) continue
      throw new CometError(
        'SUBSCRIPTION_CONFLICT',
        `group "${group.name}" reads "${topic}" with filter "${other.text}" (${session.attachment.clientId} is connected), not "${filter.text}"; use one filter in all members`,
      )
    }
  }
}

/** Makes the subscription durable, with the start in each queue of topics that are new to the group. */
async function subscribe(
  context: DeliveryContext,
  {
    group,
    filters,
    isPop,
  }: {
    readonly group: string
    readonly filters: ReadonlyMap<string, MessageFilter>
    readonly isPop: boolean
  },
): Promise<void> {
  const before = context.groups.subscriptionOf(group)
  const topics: Record<string, FilterText> = { ...before.topics }
  const rows: StateChange[] = []
  let isChanged = false
  for (const [topic, filter] of filters) {
    const known = Object.hasOwn(before.topics, topic) ? before.topics[topic] : undefined
    if (known !== undefined && isSameFilter(known, filter.expression)) continue
    if (known === undefined) rows.push(...(await startRows(context, { group, topic, isPop })))
    topics[topic] = filter.expression
    isChanged = true
  }
  if (!isChanged) return
  rows.push(putSubscription(group, { version: before.version + 1, topics }))
  await context.loop.append({
    prepare: () => {
      // A topic may have been deleted meanwhile; rows for it would outlive it.
      for (const topic of filters.keys()) needTopic(context, topic)
      return rows
    },
  })
}

async function startRows(
  context: DeliveryContext,
  {
    group,
    topic,
    isPop,
  }: { readonly group: string; readonly topic: string; readonly isPop: boolean },
): Promise<StateChange[]> {
  const { startPosition } = context.groups.need(group)
  const rows: StateChange[] = []
  const queueCount = context.topics.get(topic)?.queueCount ?? 0
  for (let queueId = 0; queueId < queueCount; queueId++) {
    const queue = { topic, queueId }
    if (isPop && startPosition.kind === 'latest' && isYoung(context, queue)) continue
    const doneBelow = await startOffset(context.store, queue, startPosition)
    if (doneBelow === 0) continue
    rows.push(putProgress(group, queue, { doneBelow, done: [], attempted: [] }))
  }
  return rows
}

/**
 * Whether the queue holds all it ever held, and that is little. Users of RocketMQ start a consumer
 * after their first messages and expect to get them: its brokers begin such queues at their start.
 */
function isYoung({ store }: DeliveryContext, queue: QueueKey): boolean {
  const { minOffset, maxOffset } = store.bounds(queue) ?? { minOffset: 0, maxOffset: 0 }
  return minOffset === 0 && maxOffset <= YOUNG_QUEUE_MESSAGES
}

/** The session as of this connection; an older connection of it ends. */
function attach(
  { clock }: DeliveryContext,
  group: GroupDelivery,
  parts: {
    readonly open: OpenMember
    readonly sink: MemberSink
    readonly filters: ReadonlyMap<string, MessageFilter>
  },
): Session {
  const { open, sink, filters } = parts
  const attachment = {
    clientId: open.clientId,
    peer: open.peer,
    topics: filters,
    invisibleMs: open.invisibleMs,
    connectedAtMs: clock.elapsedMs(),
    sink,
    isPop: open.isPop === true,
  }
  const known = group.sessions.get(open.sessionId)
  if (known !== undefined && known.state !== 'lost') {
    const message = 'the same session has connected anew; this connection is not needed any more'
    known.attachment.sink.ended(new CometError('CANCELLED', message))
  }
  const session = known ?? new Session(open.sessionId, attachment)
  session.attachment = attachment
  session.state = 'open'
  session.isBlocked = false
  session.creditBytes = Math.min(open.creditBytes, limits.creditMaxBytes)
  return session
}

/**
 * Leaves the session what it holds, as far as nobody else has it, and takes back what it does not
 * know of. Returns what it has lost.
 */
function restore(
  context: DeliveryContext,
  group: GroupDelivery,
  session: Session,
  held: readonly LeasedRange[],
): LeasedRange[] {
  const lost: LeasedRange[] = []
  const kept = new Map<Source, RangeMap<true>>()
  const invisibleMs = session.attachment.invisibleMs || group.invisibleMs
  const deadlineMs = context.clock.elapsedMs() + invisibleMs
  const lease: Lease = { kind: 'leased', holder: session, attempts: 0, deadlineMs }
  const heldBefore = session.held
  if (held.some(({ retry }) => retry)) group.indexEntries()
  for (const range of held) {
    const parts = isWithin(range.from, 0, range.to - 1) ? group.partsOf(range) : []
    let at = range.from
    for (const { source, from, to } of parts) {
      if (from > at) lost.push({ ...range, from: at, to: from })
      at = to
      const budget = RESTORED_MESSAGES_MAX - (session.held - heldBefore)
      const isThere = to <= source.table.maxOffset
      const gone = isThere ? source.table.restore(from, to, lease, budget) : [{ from, to }]
      for (const span of gone) lost.push({ ...range, from: span.from, to: span.to })
      const ranges = kept.get(source) ?? new RangeMap<true>()
      ranges.set(from, to, true)
      kept.set(source, ranges)
    }
    if (at < range.to) lost.push({ ...range, from: at })
  }
  takeBack(group, session, kept)
  group.alarm(deadlineMs)
  return lost
}

/** Messages that were on their way when the connection broke have not been seen: no attempt. */
function takeBack(
  group: GroupDelivery,
  session: Session,
  kept: ReadonlyMap<Source, RangeMap<true>>,
): void {
  for (const topic of group.topics.values()) {
    for (const source of topic.sources()) {
      const ranges = kept.get(source)
      const leases = source.table.leasesOf(session)
      for (const lease of leases) {
        let at = lease.from
        for (const span of ranges?.within(lease.from, lease.to) ?? []) {
          source.table.giveBack({ ...lease, from: at, to: span.from }, lease.value.attempts)
          at = span.to
        }
        source.table.giveBack({ ...lease, from: at }, lease.value.attempts)
      }
      if (leases.length > 0 || ranges !== undefined) group.changed(source)
    }
  }
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most
}
