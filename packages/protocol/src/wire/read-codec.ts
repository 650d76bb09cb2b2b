import { CometError } from '../errors.ts'
import type { FilterText } from '../filter/filter-text.ts'
import type { Method } from './method.ts'
import {
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

/** What a reader tells the broker. */
export type ReadRequest =
  | ({
      readonly kind: 'assign'
      /** Chosen by the reader; every answer about this assignment carries it. */
      readonly assignmentId: number
      readonly topic: string
      readonly queueId: number
      readonly start: ReadStart
    } & FilterText)
  | { readonly kind: 'unassign'; readonly assignmentId: number }
  | { readonly kind: 'credit'; readonly bytes: number }
  | {
      readonly kind: 'commit'
      readonly id: number
      readonly name: string
      readonly topic: string
      readonly queueId: number
      readonly offset: number
    }

export type ReadStart =
  | { readonly kind: 'earliest' }
  | { readonly kind: 'latest' }
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'timestamp'; readonly timestampMs: number }
  | { readonly kind: 'named'; readonly name: string; readonly otherwiseLatest: boolean }

/** What the broker tells a reader. */
export type ReadResponse =
  | {
      readonly kind: 'assigned'
      readonly assignmentId: number
      readonly from: number
      readonly minOffset: number
      readonly maxOffset: number
    }
  | {
      readonly kind: 'batches'
      readonly assignmentId: number
      /** First offset wanted; the first batch may begin before it. */
      readonly from: number
      /** Where reading goes on. */
      readonly next: number
      /** End of the queue when this was read. */
      readonly maxOffset: number
      readonly batches: readonly Buffer[]
      /** With a filter: pairs from, to of the offsets that match. Without: empty, all from `from`. */
      readonly ranges: readonly number[]
      /** From a master: the address of a slave where it had better read on. Empty: here. */
      readonly suggested: string
      /** From a slave: so near the end of the log that the master serves it from memory. */
      readonly nearEnd: boolean
    }
  /** The assignment has ended. */
  | {
      readonly kind: 'problem'
      readonly assignmentId: number
      readonly error: number
      readonly message: string
      readonly minOffset: number
      readonly maxOffset: number
    }
  | {
      readonly kind: 'committed'
      readonly id: number
      readonly error: number
      readonly message: string
    }
  | { readonly kind: 'draining' }

/** `cometmq.v1.Broker/Read`. */
export const readMethod: Method<ReadRequest, ReadResponse> = {
  path: '/cometmq.v1.Broker/Read',
  kind: 'bidi',
  encodeRequest: (request) => encodeWith((writer) => writeRequest(writer, request)),
  decodeRequest: (bytes) => decodeWith(bytes, readRequest),
  encodeResponse: (response) => encodeWith((writer) => writeResponse(writer, response)),
  decodeResponse: (bytes) => decodeWith(bytes, readResponse),
}

function writeRequest(writer: Writer, request: ReadRequest): void {
  switch (request.kind) {
    case 'assign':
      writeNested(writer, 1, () => {
        writeText(writer, 1, request.topic)
        writeNumber(writer, 2, request.queueId)
        writeNested(writer, 3, () => writeStart(writer, request.start))
        writeText(writer, 4, request.filter)
        writeNumber(writer, 5, request.assignmentId)
        writeText(writer, 6, request.sql ?? '')
      })
      return
    case 'unassign':
      writeNested(writer, 2, () => writeNumber(writer, 1, request.assignmentId))
      return
    case 'credit':
      writeNested(writer, 3, () => writeNumber(writer, 1, request.bytes))
      return
    case 'commit':
      writeNested(writer, 4, () => {
        writeText(writer, 1, request.name)
        writeText(writer, 2, request.topic)
        writeNumber(writer, 3, request.queueId)
        writeNumber(writer, 4, request.offset)
        writeNumber(writer, 5, request.id)
      })
      return
  }
}

function readRequest(reader: Reader): ReadRequest {
  let request: ReadRequest | undefined
  readMessage(reader, (tag) => {
    if (tag === fieldTag(1, LENGTH)) request = readAssign(reader)
    else if (tag === fieldTag(2, LENGTH)) request = readUnassign(reader)
    else if (tag === fieldTag(3, LENGTH)) request = readCredit(reader)
    else if (tag === fieldTag(4, LENGTH)) request = readCommit(reader)
    else skipField(reader, tag)
  })
  if (request === undefined) throw new CometError('MALFORMED_REQUEST', 'an empty read request')
  return request
}

function writeStart(writer: Writer, start: ReadStart): void {
  switch (start.kind) {
    case 'earliest':
      writeNested(writer, 1, () => {})
      return
    case 'latest':
      writeNested(writer, 2, () => {})
      return
    case 'offset':
      writer.uint32(fieldTag(3, VARINT)).uint64(start.offset)
      return
    case 'timestamp':
      writer.uint32(fieldTag(4, VARINT)).uint64(start.timestampMs)
      return
    case 'named':
      writeNested(writer, 5, () => {
        writeText(writer, 1, start.name)
        writeFlag(writer, 2, start.otherwiseLatest)
      })
      return
  }
}

function readAssign(reader: Reader): ReadRequest {
  let start: ReadStart | undefined
  let sql = ''
  const assign = { kind: 'assign' as const, assignmentId: 0, topic: '', queueId: 0, filter: '' }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, LENGTH)) assign.topic = reader.string()
    else if (tag === fieldTag(2, VARINT)) assign.queueId = reader.uint32()
    else if (tag === fieldTag(3, LENGTH)) start = readStart(reader)
    else if (tag === fieldTag(4, LENGTH)) assign.filter = reader.string()
    else if (tag === fieldTag(5, VARINT)) assign.assignmentId = readNumber(reader)
    else if (tag === fieldTag(6, LENGTH)) sql = reader.string()
    else skipField(reader, tag)
  })
  if (start === undefined) throw new CometError('MALFORMED_REQUEST', 'an assignment without start')
  return sql === '' ? { ...assign, start } : { ...assign, start, sql }
}

function readStart(reader: Reader): ReadStart | undefined {
  let start: ReadStart | undefined
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, LENGTH)) {
      readNested(reader, (inner) => skipField(reader, inner))
      start = { kind: 'earliest' }
    } else if (tag === fieldTag(2, LENGTH)) {
      readNested(reader, (inner) => skipField(reader, inner))
      start = { kind: 'latest' }
    } else if (tag === fieldTag(3, VARINT)) start = { kind: 'offset', offset: readNumber(reader) }
    else if (tag === fieldTag(4, VARINT)) {
      start = { kind: 'timestamp', timestampMs: readNumber(reader) }
    } else if (tag === fieldTag(5, LENGTH)) {
      const named = { kind: 'named' as const, name: '', otherwiseLatest: false }
      readNested(reader, (inner) => {
        if (inner === fieldTag(1, LENGTH)) named.name = reader.string()
        else if (inner === fieldTag(2, VARINT)) named.otherwiseLatest = reader.bool()
        else skipField(reader, inner)
      })
      start = named
    } else skipField(reader, tag)
  })
  return start
}

function readUnassign(reader: Reader): ReadRequest {
  const unassign = { kind: 'unassign' as const, assignmentId: 0 }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) unassign.assignmentId = readNumber(reader)
    else skipField(reader, tag)
  })
  return unassign
}

function readCredit(reader: Reader): ReadRequest {
  const credit = { kind: 'credit' as const, bytes: 0 }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) credit.bytes = readNumber(reader)
    else skipField(reader, tag)
  })
  return credit
}

function readCommit(reader: Reader): ReadRequest {
  const commit = { kind: 'commit' as const, id: 0, name: '', topic: '', queueId: 0, offset: 0 }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, LENGTH)) commit.name = reader.string()
    else if (tag === fieldTag(2, LENGTH)) commit.topic = reader.string()
    else if (tag === fieldTag(3, VARINT)) commit.queueId = reader.uint32()
    else if (tag === fieldTag(4, VARINT)) commit.offset = readNumber(reader)
    else if (tag === fieldTag(5, VARINT)) commit.id = readNumber(reader)
    else skipField(reader, tag)
  })
  return commit
}

function writeResponse(writer: Writer, response: ReadResponse): void {
  switch (response.kind) {
    case 'assigned':
      writeNested(writer, 1, () => {
        writeNumber(writer, 1, response.assignmentId)
        writeNumber(writer, 2, response.from)
        writeNumber(writer, 3, response.minOffset)
        writeNumber(writer, 4, response.maxOffset)
      })
      return
    case 'batches':
      writeNested(writer, 2, () => {
        writeNumber(writer, 1, response.assignmentId)
        writeNumber(writer, 2, response.from)
        writeNumber(writer, 3, response.next)
        writeNumber(writer, 4, response.maxOffset)
        for (const batch of response.batches) writeBytes(writer, 5, batch)
        writePacked(writer, 6, response.ranges)
        writeText(writer, 7, response.suggested)
        writeFlag(writer, 8, response.nearEnd)
      })
      return
    case 'problem':
      writeNested(writer, 3, () => {
        writeNumber(writer, 1, response.assignmentId)
        writeNumber(writer, 2, response.error)
        writeText(writer, 3, response.message)
        writeNumber(writer, 4, response.minOffset)
        writeNumber(writer, 5, response.maxOffset)
      })
      return
    case 'committed':
      writeNested(writer, 4, () => {
        writeNumber(writer, 1, response.id)
        writeNumber(writer, 2, response.error)
        writeText(writer, 3, response.message)
      })
      return
    case 'draining':
      writeNested(writer, 5, () => {})
      return
  }
}

function readResponse(reader: Reader): ReadResponse {
  let response: ReadResponse | undefined
  readMessage(reader, (tag) => {
    if (tag === fieldTag(1, LENGTH)) response = readAssigned(reader)
    else if (tag === fieldTag(2, LENGTH)) response = readBatches(reader)
    else if (tag === fieldTag(3, LENGTH)) response = readProblem(reader)
    else if (tag === fieldTag(4, LENGTH)) response = readCommitted(reader)
    else if (tag === fieldTag(5, LENGTH)) {
      readNested(reader, (inner) => skipField(reader, inner))
      response = { kind: 'draining' }
    } else skipField(reader, tag)
  })
  if (response === undefined) throw new CometError('MALFORMED_REQUEST', 'an empty read response')
  return response
}

function readAssigned(reader: Reader): ReadResponse {
  const assigned = {
    kind: 'assigned' as const,
    assignmentId: 0,
    from: 0,
    minOffset: 0,
    maxOffset: 0,
  }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) assigned.assignmentId = readNumber(reader)
    else if (tag === fieldTag(2, VARINT)) assigned.from = readNumber(reader)
    else if (tag === fieldTag(3, VARINT)) assigned.minOffset = readNumber(reader)
    else if (tag === fieldTag(4, VARINT)) assigned.maxOffset = readNumber(reader)
    else skipField(reader, tag)
  })
  return assigned
}

function readBatches(reader: Reader): ReadResponse {
  const batches: Buffer[] = []
  const ranges: number[] = []
  const read = {
    kind: 'batches' as const,
    assignmentId: 0,
    from: 0,
    next: 0,
    maxOffset: 0,
    batches,
    ranges,
    suggested: '',
    nearEnd: false,
  }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) read.assignmentId = readNumber(reader)
    else if (tag === fieldTag(2, VARINT)) read.from = readNumber(reader)
    else if (tag === fieldTag(3, VARINT)) read.next = readNumber(reader)
    else if (tag === fieldTag(4, VARINT)) read.maxOffset = readNumber(reader)
    else if (tag === fieldTag(5, LENGTH)) batches.push(readBytes(reader))
    else if (tag === fieldTag(6, LENGTH)) readPacked(reader, ranges)
    else if (tag === fieldTag(6, VARINT)) ranges.push(readNumber(reader))
    else if (tag === fieldTag(7, LENGTH)) read.suggested = reader.string()
    else if (tag === fieldTag(8, VARINT)) read.nearEnd = reader.bool()
    else skipField(reader, tag)
  })
  return read
}

function readProblem(reader: Reader): ReadResponse {
  const problem = {
    kind: 'problem' as const,
    assignmentId: 0,
    error: 0,
    message: '',
    minOffset: 0,
    maxOffset: 0,
  }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) problem.assignmentId = readNumber(reader)
    else if (tag === fieldTag(2, VARINT)) problem.error = reader.uint32()
    else if (tag === fieldTag(3, LENGTH)) problem.message = reader.string()
    else if (tag === fieldTag(4, VARINT)) problem.minOffset = readNumber(reader)
    else if (tag === fieldTag(5, VARINT)) problem.maxOffset = readNumber(reader)
    else skipField(reader, tag)
  })
  return problem
}

function readCommitted(reader: Reader): ReadResponse {
  const committed = { kind: 'committed' as const, id: 0, error: 0, message: '' }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) committed.id = readNumber(reader)
    else if (tag === fieldTag(2, VARINT)) committed.error = reader.uint32()
    else if (tag === fieldTag(3, LENGTH)) committed.message = reader.string()
    else skipField(reader, tag)
  })
  return committed
}
