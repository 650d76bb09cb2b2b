import { CometError } from '../errors.ts'
import type { FilterText } from '../filter/filter-text.ts'
import { limits } from '../limits.ts'
import type { Method } from './method.ts'
import {
  checkMore,
  decodeWith,
  encodeWith,
  fieldTag,
  LENGTH,
  type Reader,
  readBytes,
  readMessage,
  readNested,
  readNumber,
  readPacked,
  skipField,
  VARINT,
  type Writer,
  writeBytes,
  writeFlag,
  writeNested,
  writeNumber,
  writePacked,
  writeText,
} from './protobuf.ts'

/** What a member of a consumer group tells the broker. */
export type SubscribeRequest =
  | ({ readonly kind: 'open' } & OpenSubscription)
  | { readonly kind: 'credit'; readonly bytes: number }
  | { readonly kind: 'settle'; readonly id: number; readonly settlements: readonly Settlement[] }
  | { readonly kind: 'leave' }

export interface OpenSubscription {
  readonly group: string
  /** Stays the same over reconnects of one consumer instance, so that its leases live on. */
  readonly sessionId: string
  readonly clientId: string
  readonly topics: readonly TopicFilter[]
  /** 0: the group's. */
  readonly invisibleMs: number
  readonly creditBytes: number
  /** What the instance still holds from an earlier stream. */
  readonly held: readonly LeasedRange[]
}

export interface TopicFilter extends FilterText {
  readonly topic: string
}

/** Messages `[from, to)` of a queue. With `retry`: of the group's retry queue; `topic` is then empty. */
export interface LeasedRange {
  readonly topic: string
  readonly queueId: number
  readonly retry: boolean
  readonly from: number
  readonly to: number
}

export interface Settlement {
  readonly range: LeasedRange
  readonly action: SettlementAction
}

export type SettlementAction =
  | { readonly kind: 'acknowledge' }
  /** Another attempt after `delayMs`, or after the group's delay. */
  | { readonly kind: 'retry'; readonly delayMs: number | undefined; readonly reason: string }
  /** To the dead letter topic, whatever attempts are left. */
  | { readonly kind: 'reject'; readonly reason: string }
  /** The lease ends `delayMs` from now. */
  | { readonly kind: 'extend'; readonly delayMs: number }
  /** Never handled: ready again at once, attempt not counted. */
  | { readonly kind: 'release' }

/** What the broker tells a member. */
export type SubscribeResponse =
  | {
      readonly kind: 'opened'
      readonly invisibleMs: number
      readonly maxAttempts: number
      /** Held ranges that belong to somebody else by now, or are done. */
      readonly lost: readonly LeasedRange[]
      /** One message of a message group at a time. */
      readonly fifo: boolean
    }
  | { readonly kind: 'deliver'; readonly deliveries: readonly Delivery[] }
  | {
      readonly kind: 'settled'
      readonly id: number
      readonly failures: readonly SettlementFailure[]
    }
  | { readonly kind: 'draining' }

/** Leased messages of one queue. */
export interface Delivery {
  readonly topic: string
  readonly queueId: number
  readonly retry: boolean
  /** Which delivery of these messages this is, from 1. */
  readonly attempt: number
  readonly invisibleMs: number
  /** Pairs from, to: the leased queue offsets. The batches may hold more than is leased. */
  readonly ranges: readonly number[]
  /** Whole record batches. */
  readonly batches: readonly Buffer[]
}

export interface SettlementFailure {
  /** Index among the settlements of the request. */
  readonly index: number
  /** Id of a row of the error table. */
  readonly error: number
  readonly message: string
}

const actionIds = { acknowledge: 1, retry: 2, reject: 3, extend: 4, release: 5 } as const

/** `cometmq.v1.Broker/Subscribe`. */
export const subscribeMethod: Method<SubscribeRequest, SubscribeResponse> = {
  path: '/cometmq.v1.Broker/Subscribe',
  kind: 'bidi',
  encodeRequest: (request) => encodeWith((writer) => writeRequest(writer, request)),
  decodeRequest: (bytes) => decodeWith(bytes, readRequest),
  encodeResponse: (response) => encodeWith((writer) => writeResponse(writer, response)),
  decodeResponse: (bytes) => decodeWith(bytes, readResponse),
}

function writeRequest(writer: Writer, request: SubscribeRequest): void {
  switch (request.kind) {
    case 'open':
      writeNested(writer, 1, () => writeOpen(writer, request))
      return
    case 'credit':
      writeNested(writer, 2, () => writeNumber(writer, 1, request.bytes))
      return
    case 'settle':
      writeNested(writer, 3, () => {
        writeNumber(writer, 1, request.id)
        for (const settlement of request.settlements) {
          writeNested(writer, 2, () => writeSettlement(writer, settlement))
        }
      })
      return
    case 'leave':
      writeNested(writer, 4, () => {})
      return
  }
}

function readRequest(reader: Reader): SubscribeRequest {
  let request: SubscribeRequest | undefined
  readMessage(reader, (tag) => {
    if (tag === fieldTag(1, LENGTH)) request = readOpen(reader)
    else if (tag === fieldTag(2, LENGTH)) request = readCredit(reader)
    else if (tag === fieldTag(3, LENGTH)) request = readSettle(reader)
    else if (tag === fieldTag(4, LENGTH)) {
      readNested(reader, (inner) => skipField(reader, inner))
      request = { kind: 'leave' }
    } else skipField(reader, tag)
  })
  if (request === undefined) throw new CometError('MALFORMED_REQUEST', 'an empty subscribe request')
  return request
}

function writeOpen(writer: Writer, open: OpenSubscription): void {
  writeText(writer, 1, open.group)
  writeText(writer, 2, open.sessionId)
  writeText(writer, 3, open.clientId)
  for (const { topic, filter, sql = '' } of open.topics) {
    writeNested(writer, 4, () => {
      writeText(writer, 1, topic)
      writeText(writer, 2, filter)
      writeText(writer, 3, sql)
    })
  }
  writeNumber(writer, 5, open.invisibleMs)
  writeNumber(writer, 6, open.creditBytes)
  for (const range of open.held) writeNested(writer, 7, () => writeRange(writer, range))
}

function readOpen(reader: Reader): SubscribeRequest {
  const topics: TopicFilter[] = []
  const held: LeasedRange[] = []
  const open = {
    kind: 'open' as const,
    group: '',
    sessionId: '',
    clientId: '',
    topics,
    invisibleMs: 0,
    creditBytes: 0,
    held,
  }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, LENGTH)) open.group = reader.string()
    else if (tag === fieldTag(2, LENGTH)) open.sessionId = reader.string()
    else if (tag === fieldTag(3, LENGTH)) open.clientId = reader.string()
    else if (tag === fieldTag(4, LENGTH)) {
      checkMore(topics, limits.topicsPerMemberMax, 'topics')
      topics.push(readTopicFilter(reader))
    } else if (tag === fieldTag(5, VARINT)) open.invisibleMs = readNumber(reader)
    else if (tag === fieldTag(6, VARINT)) open.creditBytes = readNumber(reader)
    else if (tag === fieldTag(7, LENGTH)) {
      checkMore(held, limits.heldRangesMax, 'held ranges')
      held.push(readRange(reader))
    } else skipField(reader, tag)
  })
  return open
}

function readTopicFilter(reader: Reader): TopicFilter {
  const filter = { topic: '', filter: '' }
  let sql = ''
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, LENGTH)) filter.topic = reader.string()
    else if (tag === fieldTag(2, LENGTH)) filter.filter = reader.string()
    else if (tag === fieldTag(3, LENGTH)) sql = reader.string()
    else skipField(reader, tag)
  })
  return sql === '' ? filter : { ...filter, sql }
}

function readCredit(reader: Reader): SubscribeRequest {
  const credit = { kind: 'credit' as const, bytes: 0 }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) credit.bytes = readNumber(reader)
    else skipField(reader, tag)
  })
  return credit
}

function readSettle(reader: Reader): SubscribeRequest {
  const settlements: Settlement[] = []
  const settle = { kind: 'settle' as const, id: 0, settlements }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) settle.id = readNumber(reader)
    else if (tag === fieldTag(2, LENGTH)) {
      checkMore(settlements, limits.settlementsMax, 'settlements')
      settlements.push(readSettlement(reader))
    } else skipField(reader, tag)
  })
  return settle
}

function writeRange(writer: Writer, range: LeasedRange): void {
  writeText(writer, 1, range.topic)
  writeNumber(writer, 2, range.queueId)
  writeFlag(writer, 3, range.retry)
  writeNumber(writer, 4, range.from)
  writeNumber(writer, 5, range.to)
}

function readRange(reader: Reader): LeasedRange {
  const range = { topic: '', queueId: 0, retry: false, from: 0, to: 0 }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, LENGTH)) range.topic = reader.string()
    else if (tag === fieldTag(2, VARINT)) range.queueId = reader.uint32()
    else if (tag === fieldTag(3, VARINT)) range.retry = reader.bool()
    else if (tag === fieldTag(4, VARINT)) range.from = readNumber(reader)
    else if (tag === fieldTag(5, VARINT)) range.to = readNumber(reader)
    else skipField(reader, tag)
  })
  return range
}

function writeSettlement(writer: Writer, { range, action }: Settlement): void {
  writeNested(writer, 1, () => writeRange(writer, range))
  writeNumber(writer, 2, actionIds[action.kind])
  const delayMs = action.kind === 'retry' || action.kind === 'extend' ? action.delayMs : undefined
  if (delayMs !== undefined) {
    writeNumber(writer, 3, delayMs)
    writeFlag(writer, 4, true)
  }
  if (action.kind === 'retry' || action.kind === 'reject') writeText(writer, 5, action.reason)
}

function readSettlement(reader: Reader): Settlement {
  let range: LeasedRange | undefined
  let id = 0
  let delayMs = 0
  let hasDelay = false
  let reason = ''
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, LENGTH)) range = readRange(reader)
    else if (tag === fieldTag(2, VARINT)) id = reader.uint32()
    else if (tag === fieldTag(3, VARINT)) delayMs = readNumber(reader)
    else if (tag === fieldTag(4, VARINT)) hasDelay = reader.bool()
    else if (tag === fieldTag(5, LENGTH)) reason = reader.string()
    else skipField(reader, tag)
  })
  if (range === undefined) throw new CometError('MALFORMED_REQUEST', 'a settlement without range')
  return { range, action: actionOf({ id, delayMs, hasDelay, reason }) }
}

function actionOf(wire: {
  readonly id: number
  readonly delayMs: number
  readonly hasDelay: boolean
  readonly reason: string
}): SettlementAction {
  const { id, delayMs, hasDelay, reason } = wire
  switch (id) {
    case actionIds.acknowledge:
      return { kind: 'acknowledge' }
    case actionIds.retry:
      return { kind: 'retry', delayMs: hasDelay ? delayMs : undefined, reason }
    case actionIds.reject:
      return { kind: 'reject', reason }
    case actionIds.extend:
      return { kind: 'extend', delayMs }
    case actionIds.release:
      return { kind: 'release' }
    default:
      throw new CometError('MALFORMED_REQUEST', `settlement kind ${id} is not known`)
  }
}

function writeResponse(writer: Writer, response: SubscribeResponse): void {
  switch (response.kind) {
    case 'opened':
      writeNested(writer, 1, () => {
        writeNumber(writer, 1, response.invisibleMs)
        writeNumber(writer, 2, response.maxAttempts)
        for (const range of response.lost) writeNested(writer, 3, () => writeRange(writer, range))
        writeFlag(writer, 4, response.fifo)
      })
      return
    case 'deliver':
      writeNested(writer, 2, () => {
        for (const delivery of response.deliveries) {
          writeNested(writer, 1, () => writeDelivery(writer, delivery))
        }
      })
      return
    case 'settled':
      writeNested(writer, 3, () => {
        writeNumber(writer, 1, response.id)
        for (const failure of response.failures) {
          writeNested(writer, 2, () => {
            writeNumber(writer, 1, failure.index)
            writeNumber(writer, 2, failure.error)
            writeText(writer, 3, failure.message)
          })
        }
      })
      return
    case 'draining':
      writeNested(writer, 4, () => {})
      return
  }
}

function readResponse(reader: Reader): SubscribeResponse {
  let response: SubscribeResponse | undefined
  readMessage(reader, (tag) => {
    if (tag === fieldTag(1, LENGTH)) response = readOpened(reader)
    else if (tag === fieldTag(2, LENGTH)) response = readDeliver(reader)
    else if (tag === fieldTag(3, LENGTH)) response = readSettled(reader)
    else if (tag === fieldTag(4, LENGTH)) {
      readNested(reader, (inner) => skipField(reader, inner))
      response = { kind: 'draining' }
    } else skipField(reader, tag)
  })
  if (response === undefined)
    throw new CometError('MALFORMED_REQUEST', 'an empty subscribe response')
  return response
}

function readOpened(reader: Reader): SubscribeResponse {
  const lost: LeasedRange[] = []
  const opened = { kind: 'opened' as const, invisibleMs: 0, maxAttempts: 0, lost, fifo: false }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) opened.invisibleMs = readNumber(reader)
    else if (tag === fieldTag(2, VARINT)) opened.maxAttempts = reader.uint32()
    else if (tag === fieldTag(3, LENGTH)) lost.push(readRange(reader))
    else if (tag === fieldTag(4, VARINT)) opened.fifo = reader.bool()
    else skipField(reader, tag)
  })
  return opened
}

function readDeliver(reader: Reader): SubscribeResponse {
  const deliveries: Delivery[] = []
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, LENGTH)) deliveries.push(readDelivery(reader))
    else skipField(reader, tag)
  })
  return { kind: 'deliver', deliveries }
}

function writeDelivery(writer: Writer, delivery: Delivery): void {
  writeText(writer, 1, delivery.topic)
  writeNumber(writer, 2, delivery.queueId)
  writeFlag(writer, 3, delivery.retry)
  writeNumber(writer, 4, delivery.attempt)
  writeNumber(writer, 5, delivery.invisibleMs)
  writePacked(writer, 6, delivery.ranges)
  for (const batch of delivery.batches) writeBytes(writer, 7, batch)
}

function readDelivery(reader: Reader): Delivery {
  const ranges: number[] = []
  const batches: Buffer[] = []
  const delivery = {
    topic: '',
    queueId: 0,
    retry: false,
    attempt: 0,
    invisibleMs: 0,
    ranges,
    batches,
  }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, LENGTH)) delivery.topic = reader.string()
    else if (tag === fieldTag(2, VARINT)) delivery.queueId = reader.uint32()
    else if (tag === fieldTag(3, VARINT)) delivery.retry = reader.bool()
    else if (tag === fieldTag(4, VARINT)) delivery.attempt = reader.uint32()
    else if (tag === fieldTag(5, VARINT)) delivery.invisibleMs = readNumber(reader)
    else if (tag === fieldTag(6, LENGTH)) readPacked(reader, ranges)
    else if (tag === fieldTag(6, VARINT)) ranges.push(readNumber(reader))
    else if (tag === fieldTag(7, LENGTH)) batches.push(readBytes(reader))
    else skipField(reader, tag)
  })
  return delivery
}

function readSettled(reader: Reader): SubscribeResponse {
  const failures: SettlementFailure[] = []
  const settled = { kind: 'settled' as const, id: 0, failures }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) settled.id = readNumber(reader)
    else if (tag === fieldTag(2, LENGTH)) failures.push(readFailure(reader))
    else skipField(reader, tag)
  })
  return settled
}

function readFailure(reader: Reader): SettlementFailure {
  const failure = { index: 0, error: 0, message: '' }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) failure.index = reader.uint32()
    else if (tag === fieldTag(2, VARINT)) failure.error = reader.uint32()
    else if (tag === fieldTag(3, LENGTH)) failure.message = reader.string()
    else skipField(reader, tag)
  })
  return failure
}
