import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadSync, type MethodDefinition } from '@grpc/proto-loader'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { CometError } from '../errors.ts'
import type { Method } from './method.ts'
import { type PublishRequest, type PublishResponse, publishMethod } from './publish-codec.ts'
import { type ReadRequest, type ReadResponse, type ReadStart, readMethod } from './read-codec.ts'
import {
  type LeasedRange,
  type Settlement,
  type SettlementAction,
  type SubscribeRequest,
  type SubscribeResponse,
  subscribeMethod,
} from './subscribe-codec.ts'

/**
 * The hand-written codecs against `proto/cometmq/v1/broker.proto`, the contract, as proto-loader
 * reads it: whoever speaks the contract understands them, and they understand everybody.
 */
const protoFolder = fileURLToPath(new URL('../../proto/', import.meta.url))
const temporary = mkdtempSync(path.join(tmpdir(), 'comet-proto-'))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

type Wire = Readonly<Record<string, unknown>>
type Rpc = MethodDefinition<Wire, Wire>

const contract = loadBroker(protoFolder)
const later = loadBroker(writeLaterProto())

describe.each([
  codec('Publish request', publishMethod, 'Publish', 'request', anyPublishRequest(), (m) => ({
    batches: m.batches,
  })),
  codec('Publish response', publishMethod, 'Publish', 'response', anyPublishResponse(), (m) => ({
    results: m.results,
  })),
  codec(
    'Subscribe request',
    subscribeMethod,
    'Subscribe',
    'request',
    anySubscribeRequest(),
    wireOfSubscribe,
  ),
  codec(
    'Subscribe response',
    subscribeMethod,
    'Subscribe',
    'response',
    anySubscribeResponse(),
    wireOfNamed,
  ),
  codec('Read request', readMethod, 'Read', 'request', anyReadRequest(), wireOfRead),
  codec('Read response', readMethod, 'Read', 'response', anyReadResponse(), wireOfNamed),
])('the codec of a $name', ({ anyMessage, encode, decode, wireOf, rpcOf }) => {
  test('round trips', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(decode(encode(message))).toEqual(message)
      }),
    )
  })

  test('writes what the contract says', () => {
    const { deserialize } = rpcOf(contract)
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(deserialize(encode(message))).toMatchObject(wireOf(message))
      }),
    )
  })

  test('reads what the contract says', () => {
    const { serialize } = rpcOf(contract)
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(decode(serialize(wireOf(message)))).toEqual(message)
      }),
    )
  })

  // Peers are upgraded one after the other: the old one gets messages with fields it does not know.
  test('passes over fields of a later version, at any depth', () => {
    const { serialize } = rpcOf(later)
    fc.assert(
      fc.property(anyMessage, (message) => {
        const bytes = serialize(withLaterFields(wireOf(message)) as Wire)

        expect(decode(bytes)).toEqual(message)
      }),
    )
  })

  // One broken client must cost its own stream and nothing else.
  test('answers MALFORMED_REQUEST to anything else', () => {
    const anyDamaged = fc
      .tuple(anyMessage, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat())
      .map(([message, changes, end]) => {
        const bytes = Buffer.from(encode(message))
        for (const [place, value] of changes) {
          if (bytes.length > 0) bytes[place % bytes.length] = value
        }
        return end % 2 === 0 ? bytes : bytes.subarray(0, end % (bytes.length + 1))
      })
    const anyBytes = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes))
    fc.assert(
      fc.property(fc.oneof(anyDamaged, anyBytes), (bytes) => {
        expect(outcomeOf(() => decode(bytes))).toMatch(/^(fine|MALFORMED_REQUEST)$/)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('a hand-written codec', () => {
  // Lengths are claims: nothing of that size may be allocated before the bytes are there.
  test.each([
    ['a field longer than the message', '0affffffff0f'],
    ['a nested message longer than the one around it', '1206 0aff 0100'],
    ['a number that does not end', '12 0b 08 ffffffffffffffffffff'],
    ['a number beyond 2^53', '12 0b 08 ffffffffffffffffff 01'],
    ['groups within groups, without an end', '0b'.repeat(100_000)],
    ['nothing', ''],
  ])('refuses %s', (_, hex) => {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex')

    expect(outcomeOf(() => subscribeMethod.decodeRequest(bytes))).toBe('MALFORMED_REQUEST')
  })

  // proto3 writers pack numbers, yet every reader has to take the other form as well.
  test('takes repeated numbers one by one', () => {
    const deliver = Buffer.from('1206 0a04 3001 3003'.replaceAll(' ', ''), 'hex')
    const batches = Buffer.from('1204 3001 3003'.replaceAll(' ', ''), 'hex')

    expect(subscribeMethod.decodeResponse(deliver)).toMatchObject({
      deliveries: [{ ranges: [1, 3] }],
    })
    expect(readMethod.decodeResponse(batches)).toMatchObject({ ranges: [1, 3] })
  })

  // A batch is copied once, into the log: the bytes of the frame are not copied before.
  test('gives batches as views of the bytes received', () => {
    const bytes = publishMethod.encodeRequest({ batches: [Buffer.from('batch')] })

    const [batch] = publishMethod.decodeRequest(bytes).batches

    expect(batch?.buffer).toBe(bytes.buffer)
  })

  test('has the path and kind that the contract gives it', () => {
    for (const method of [publishMethod, subscribeMethod, readMethod]) {
      const rpc = contract[method.path.slice(method.path.indexOf('/', 1) + 1)]

      expect(method).toMatchObject({ path: rpc?.path, kind: 'bidi' })
      expect(rpc).toMatchObject({ requestStream: true, responseStream: true })
    }
  })
})

/** One message of one codec, without its type: the tests treat all alike. */
interface Codec {
  readonly name: string
  readonly anyMessage: fc.Arbitrary<unknown>
  readonly encode: (message: unknown) => Buffer
  readonly decode: (bytes: Buffer) => unknown
  readonly wireOf: (message: unknown) => Wire
  readonly rpcOf: (rpcs: Readonly<Record<string, Rpc>>) => {
    readonly serialize: (wire: Wire) => Buffer
    readonly deserialize: (bytes: Buffer) => Wire
  }
}

function codec<Request, Response, Message extends Request | Response>(
  name: string,
  method: Method<Request, Response>,
  rpcName: string,
  side: 'request' | 'response',
  anyMessage: fc.Arbitrary<Message>,
  wireOf: (message: Message) => Wire,
): Codec {
  const isRequest = side === 'request'
  return {
    name,
    anyMessage,
    encode: (message) =>
      isRequest
        ? method.encodeRequest(message as Request)
        : method.encodeResponse(message as Response),
    decode: (bytes) => (isRequest ? method.decodeRequest(bytes) : method.decodeResponse(bytes)),
    wireOf: (message) => wireOf(message as Message),
    rpcOf: (rpcs) => {
      const rpc = rpcs[rpcName] as Rpc
      return isRequest
        ? { serialize: rpc.requestSerialize, deserialize: rpc.requestDeserialize }
        : { serialize: rpc.responseSerialize, deserialize: rpc.responseDeserialize }
    },
  }
}

function loadBroker(folder: string): Readonly<Record<string, Rpc>> {
  const definition = loadSync('cometmq/v1/broker.proto', {
    includeDirs: [folder],
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  })
  return definition['cometmq.v1.Broker'] as unknown as Readonly<Record<string, Rpc>>
}

/** `broker.proto` of an imagined later version, in which every message has got more fields. */
function writeLaterProto(): string {
  const text = readFileSync(path.join(protoFolder, 'cometmq/v1/broker.proto'), 'utf8')
  const fields = `
    uint64 later_varint = 1001; double later_fixed64 = 1002; bytes later_bytes = 1003;
    fixed32 later_fixed32 = 1004; LaterMessage later_message = 1005;`
  const extended = text.replaceAll(/^message \w+ \{/gm, (line) => line + fields)
  mkdirSync(path.join(temporary, 'cometmq/v1'), { recursive: true })
  writeFileSync(
    path.join(temporary, 'cometmq/v1/broker.proto'),
    `${extended}\nmessage LaterMessage { string text = 1; }\n`,
  )
  return temporary
}

function withLaterFields(wire: unknown): unknown {
  if (Array.isArray(wire)) return wire.map((each) => withLaterFields(each))
  if (typeof wire !== 'object' || wire === null || Buffer.isBuffer(wire)) return wire
  return {
    ...Object.fromEntries(
      Object.entries(wire).map(([key, value]) => [key, withLaterFields(value)]),
    ),
    laterVarint: 2 ** 50,
    laterFixed64: 0.1,
    laterBytes: Buffer.from('later'),
    laterFixed32: 7,
    laterMessage: { text: 'later' },
  }
}

// How the unions of the codecs look in the contract.

function wireOfNamed(message: SubscribeResponse | ReadResponse): Wire {
  const { kind, ...fields } = message
  return { [kind]: fields }
}

function wireOfSubscribe(request: SubscribeRequest): Wire {
  const { kind, ...fields } = request
  if (request.kind !== 'settle') return { [kind]: fields }
  return { settle: { ...fields, settlements: request.settlements.map(wireOfSettlement) } }
}

function wireOfSettlement({ range, action }: Settlement): Wire {
  const { kind, ...fields } = action
  const hasDelay = 'delayMs' in fields && fields.delayMs !== undefined
  return {
    range,
    kind: kind.toUpperCase(),
    delayMs: hasDelay ? fields.delayMs : 0,
    hasDelay,
    reason: 'reason' in fields ? fields.reason : '',
  }
}

function wireOfRead(request: ReadRequest): Wire {
  const { kind, ...fields } = request
  if (request.kind !== 'assign') return { [kind]: fields }
  return { assign: { ...fields, start: wireOfStart(request.start) } }
}

function wireOfStart(start: ReadStart): Wire {
  switch (start.kind) {
    case 'earliest':
    case 'latest':
      return { [start.kind]: {} }
    case 'offset':
      return { offset: start.offset }
    case 'timestamp':
      return { timestampMs: start.timestampMs }
    case 'named':
      return { named: { name: start.name, otherwiseLatest: start.otherwiseLatest } }
  }
}

// Arbitrary messages.

function anyText(): fc.Arbitrary<string> {
  return fc.string({ unit: 'binary', maxLength: 12 })
}

function anyNumber(): fc.Arbitrary<number> {
  return fc.oneof(fc.nat(3), fc.maxSafeNat())
}

function anyUint32(): fc.Arbitrary<number> {
  return fc.oneof(fc.nat(3), fc.nat(0xffffffff))
}

function anyBatches(): fc.Arbitrary<Buffer[]> {
  return fc.array(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    { maxLength: 3 },
  )
}

function anyRanges(): fc.Arbitrary<number[]> {
  return fc.array(fc.tuple(anyNumber(), anyNumber()), { maxLength: 4 }).map((pairs) => pairs.flat())
}

function anyRange(): fc.Arbitrary<LeasedRange> {
  return fc.record({
    topic: anyText(),
    queueId: anyUint32(),
    retry: fc.boolean(),
    from: anyNumber(),
    to: anyNumber(),
  })
}

function anyPublishRequest(): fc.Arbitrary<PublishRequest> {
  return fc.record({ batches: anyBatches() })
}

function anyPublishResponse(): fc.Arbitrary<PublishResponse> {
  const anyResult = fc.record({
    error: anyUint32(),
    message: anyText(),
    baseQueueOffset: anyNumber(),
    epoch: anyNumber(),
    duplicate: fc.boolean(),
    retryAfterMs: anyNumber(),
  })
  return fc.record({ results: fc.array(anyResult, { maxLength: 4 }) })
}

function anyAction(): fc.Arbitrary<SettlementAction> {
  return fc.oneof(
    fc.constant({ kind: 'acknowledge' as const }),
    fc.constant({ kind: 'release' as const }),
    fc.record({ kind: fc.constant('reject' as const), reason: anyText() }),
    fc.record({ kind: fc.constant('extend' as const), delayMs: anyNumber() }),
    fc.record({
      kind: fc.constant('retry' as const),
      delayMs: fc.option(anyNumber(), { nil: undefined }),
      reason: anyText(),
    }),
  )
}

function anySubscribeRequest(): fc.Arbitrary<SubscribeRequest> {
  return fc.oneof(
    fc.record({
      kind: fc.constant('open' as const),
      group: anyText(),
      sessionId: anyText(),
      clientId: anyText(),
      topics: fc.array(fc.record({ topic: anyText(), filter: anyText() }), { maxLength: 3 }),
      invisibleMs: anyNumber(),
      creditBytes: anyNumber(),
      held: fc.array(anyRange(), { maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant('credit' as const), bytes: anyNumber() }),
    fc.record({
      kind: fc.constant('settle' as const),
      id: anyNumber(),
      settlements: fc.array(fc.record({ range: anyRange(), action: anyAction() }), {
        maxLength: 3,
      }),
    }),
    fc.constant({ kind: 'leave' as const }),
  )
}

function anySubscribeResponse(): fc.Arbitrary<SubscribeResponse> {
  const anyDelivery = fc.record({
    topic: anyText(),
    queueId: anyUint32(),
    retry: fc.boolean(),
    attempt: anyUint32(),
    invisibleMs: anyNumber(),
    ranges: anyRanges(),
    batches: anyBatches(),
  })
  const anyFailure = fc.record({ index: anyUint32(), error: anyUint32(), message: anyText() })
  return fc.oneof(
    fc.record({
      kind: fc.constant('opened' as const),
      invisibleMs: anyNumber(),
      maxAttempts: anyUint32(),
      lost: fc.array(anyRange(), { maxLength: 3 }),
      fifo: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('deliver' as const),
      deliveries: fc.array(anyDelivery, { maxLength: 3 }),
    }),
    fc.record({
      kind: fc.constant('settled' as const),
      id: anyNumber(),
      failures: fc.array(anyFailure, { maxLength: 3 }),
    }),
    fc.constant({ kind: 'draining' as const }),
  )
}

function anyReadRequest(): fc.Arbitrary<ReadRequest> {
  const anyStart: fc.Arbitrary<ReadStart> = fc.oneof(
    fc.constant({ kind: 'earliest' as const }),
    fc.constant({ kind: 'latest' as const }),
    fc.record({ kind: fc.constant('offset' as const), offset: anyNumber() }),
    fc.record({ kind: fc.constant('timestamp' as const), timestampMs: anyNumber() }),
    fc.record({
      kind: fc.constant('named' as const),
      name: anyText(),
      otherwiseLatest: fc.boolean(),
    }),
  )
  return fc.oneof(
    fc.record({
      kind: fc.constant('assign' as const),
      assignmentId: anyNumber(),
      topic: anyText(),
      queueId: anyUint32(),
      start: anyStart,
      filter: anyText(),
    }),
    fc.record({ kind: fc.constant('unassign' as const), assignmentId: anyNumber() }),
    fc.record({ kind: fc.constant('credit' as const), bytes: anyNumber() }),
    fc.record({
      kind: fc.constant('commit' as const),
      id: anyNumber(),
      name: anyText(),
      topic: anyText(),
      queueId: anyUint32(),
      offset: anyNumber(),
    }),
  )
}

function anyReadResponse(): fc.Arbitrary<ReadResponse> {
  return fc.oneof(
    fc.record({
      kind: fc.constant('assigned' as const),
      assignmentId: anyNumber(),
      from: anyNumber(),
      minOffset: anyNumber(),
      maxOffset: anyNumber(),
    }),
    fc.record({
      kind: fc.constant('batches' as const),
      assignmentId: anyNumber(),
      from: anyNumber(),
      next: anyNumber(),
      maxOffset: anyNumber(),
      batches: anyBatches(),
      ranges: anyRanges(),
      suggested: anyText(),
      nearEnd: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('problem' as const),
      assignmentId: anyNumber(),
      error: anyUint32(),
      message: anyText(),
      minOffset: anyNumber(),
      maxOffset: anyNumber(),
    }),
    fc.record({
      kind: fc.constant('committed' as const),
      id: anyNumber(),
      error: anyUint32(),
      message: anyText(),
    }),
    fc.constant({ kind: 'draining' as const }),
  )
}

/** `fine` or the code of the error; fails on any error but a CometError. */
function outcomeOf(act: () => unknown): string {
  try {
    act()
    return 'fine'
  } catch (thrown) {
    if (thrown instanceof CometError) return thrown.code
    throw thrown
  }
}
