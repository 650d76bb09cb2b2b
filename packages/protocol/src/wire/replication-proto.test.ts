import { fileURLToPath } from 'node:url'
import { loadSync, type MethodDefinition } from '@grpc/proto-loader'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CometError } from '../errors.ts'
import { followMethod, type MasterFrame, type SlaveFrame } from './replication-codec.ts'

/** The hand-written codec against `proto/cometmq/v1/replication.proto`, as proto-loader reads it. */
type Wire = Readonly<Record<string, unknown>>

const definition = loadSync('cometmq/v1/replication.proto', {
  includeDirs: [fileURLToPath(new URL('../../proto/', import.meta.url))],
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
})
const service = definition['cometmq.v1.Replication'] as unknown as Readonly<
  Record<string, MethodDefinition<Wire, Wire>>
>
const follow = service['Follow'] as MethodDefinition<Wire, Wire>

/** Field 1001 of a later version, at the end. */
const LATER = Buffer.from('c83e07', 'hex')

describe('frames of slaves', () => {
  test('round trip, also with fields of a later version', () => {
    fc.assert(
      fc.property(anySlaveFrame(), (frame) => {
        const bytes = followMethod.encodeRequest(frame)
        expect(followMethod.decodeRequest(bytes)).toEqual(frame)
        expect(followMethod.decodeRequest(Buffer.concat([bytes, LATER]))).toEqual(frame)
      }),
    )
  })

  test('are what the contract says', () => {
    fc.assert(
      fc.property(anySlaveFrame(), (frame) => {
        const bytes = followMethod.encodeRequest(frame)
        expect(follow.requestDeserialize(bytes)).toMatchObject(wireOfSlave(frame))
        const theirs = follow.requestSerialize(wireOfSlave(frame))
        expect(followMethod.decodeRequest(theirs)).toEqual(frame)
      }),
    )
  })
})

describe('frames of masters', () => {
  test('round trip, also with fields of a later version', () => {
    fc.assert(
      fc.property(anyMasterFrame(), (frame) => {
        const bytes = followMethod.encodeResponse(frame)
        expect(followMethod.decodeResponse(bytes)).toEqual(frame)
        expect(followMethod.decodeResponse(Buffer.concat([bytes, LATER]))).toEqual(frame)
      }),
    )
  })

  test('are what the contract says', () => {
    fc.assert(
      fc.property(anyMasterFrame(), (frame) => {
        const bytes = followMethod.encodeResponse(frame)
        expect(follow.responseDeserialize(bytes)).toMatchObject(wireOfMaster(frame))
        const theirs = follow.responseSerialize(wireOfMaster(frame))
        expect(followMethod.decodeResponse(theirs)).toEqual(frame)
      }),
    )
  })

  // Records are copied once, into the log: the bytes of the frame are not copied before.
  test('give records as views of the bytes received', () => {
    const bytes = followMethod.encodeResponse({
      epoch: 1,
      confirmOffset: 0,
      maxOffset: 0,
      message: {
        kind: 'data',
        offset: 0,
        batchEpoch: 1,
        batchEpochStart: 0,
        checksum: 1,
        records: Buffer.from('records'),
      },
    })

    const { message } = followMethod.decodeResponse(bytes)

    expect(message).toMatchObject({ kind: 'data', records: Buffer.from('records') })
    expect(message.kind === 'data' && message.records.buffer === bytes.buffer).toBe(true)
  })
})

// One broken member must cost its own stream and nothing else.
test('anything else is a typed error', () => {
  const damaged = fc
    .tuple(anySlaveFrame(), anyMasterFrame(), fc.array(fc.tuple(fc.nat(), fc.nat(255))), fc.nat())
    .map(([slave, master, changes, cut]) => {
      const all = [followMethod.encodeRequest(slave), followMethod.encodeResponse(master)]
      return all.map((encoded) => {
        const bytes = Buffer.from(encoded)
        for (const [place, value] of changes) {
          if (bytes.length > 0) bytes[place % bytes.length] = value
        }
        return cut % 2 === 0 ? bytes : bytes.subarray(0, cut % (bytes.length + 1))
      })
    })
  fc.assert(
    fc.property(damaged, (all) => {
      for (const bytes of all) {
        const outcomes = [
          outcomeOf(() => followMethod.decodeRequest(bytes)),
          outcomeOf(() => followMethod.decodeResponse(bytes)),
        ]
        expect(outcomes.join(' ')).toMatch(/^((fine|MALFORMED_REQUEST|TOO_MANY) ?){2}$/)
      }
    }),
    { numRuns: 1_000 },
  )
})

test('epochs and members are bounded', () => {
  const epochs = Array.from({ length: 1_001 }, (_, i) => ({ epoch: i + 1, start: i }))
  const frame = slaveHello({ epochs })

  expect(outcomeOf(() => followMethod.decodeRequest(followMethod.encodeRequest(frame)))).toBe(
    'TOO_MANY',
  )
})

test('the method has the path and kind that the contract gives it', () => {
  expect(followMethod).toMatchObject({ path: follow.path, kind: 'bidi' })
  expect(follow).toMatchObject({ requestStream: true, responseStream: true })
})

function outcomeOf(decode: () => unknown): string {
  try {
    decode()
    return 'fine'
  } catch (error) {
    return error instanceof CometError ? error.code : String(error)
  }
}

/** How the unions look in the contract. */
function wireOfSlave({ kind, ...fields }: SlaveFrame): Wire {
  return { [camel(kind)]: fields }
}

function wireOfMaster({ message, ...head }: MasterFrame): Wire {
  const { kind, ...fields } = message
  return { ...head, [camel(kind)]: fields }
}

function camel(kind: string): string {
  return kind.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function anyOffset(): fc.Arbitrary<number> {
  return fc.oneof(fc.nat(), fc.maxSafeNat())
}

function anyUint32(): fc.Arbitrary<number> {
  return fc.integer({ min: 0, max: 2 ** 32 - 1 })
}

function anyEpochs() {
  return fc.array(fc.record({ epoch: anyOffset(), start: anyOffset() }), { maxLength: 5 })
}

function slaveHello(change: Partial<Extract<SlaveFrame, { kind: 'hello' }>>): SlaveFrame {
  return {
    kind: 'hello',
    cluster: 'c',
    brokerName: 'a',
    version: 1,
    lastSeenEpoch: 1,
    epochs: [],
    member: { brokerId: 1, incarnation: 1, storeId: 's' },
    minOffset: 0,
    maxOffset: 0,
    confirmOffset: 0,
    observer: false,
    ...change,
  }
}

function anySlaveFrame(): fc.Arbitrary<SlaveFrame> {
  return fc.oneof(
    fc.record({
      kind: fc.constant('hello' as const),
      cluster: fc.string(),
      brokerName: fc.string(),
      member: fc.record({
        brokerId: anyUint32(),
        incarnation: anyOffset(),
        storeId: fc.string(),
      }),
      version: anyUint32(),
      lastSeenEpoch: anyOffset(),
      epochs: anyEpochs(),
      minOffset: anyOffset(),
      maxOffset: anyOffset(),
      confirmOffset: anyOffset(),
      observer: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('ready' as const),
      next: anyOffset(),
      flushed: anyOffset(),
      tailChecksum: anyUint32(),
    }),
    fc.record({
      kind: fc.constant('ack' as const),
      epoch: anyOffset(),
      received: anyOffset(),
      flushed: anyOffset(),
      applied: anyOffset(),
      beat: anyOffset(),
      freeBytes: anyOffset(),
      diskFull: fc.boolean(),
      flushStalled: fc.boolean(),
      notElectable: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('leaving' as const), reason: fc.string() }),
    fc.record({ kind: fc.constant('hand-over-wanted' as const) }),
    fc.record({
      kind: fc.constant('hand-over-result' as const),
      won: fc.boolean(),
      epoch: anyOffset(),
      reason: fc.string(),
    }),
  )
}

function anyMasterFrame(): fc.Arbitrary<MasterFrame> {
  const message = fc.oneof(
    fc.record({
      kind: fc.constant('welcome' as const),
      epochs: anyEpochs(),
      minOffset: anyOffset(),
      truncateTo: anyOffset(),
      tailFrom: anyOffset(),
      tailChecksum: anyUint32(),
      startOver: fc.boolean(),
      maxInFlightBytes: anyUint32(),
    }),
    fc.record({
      kind: fc.constant('refusal' as const),
      reason: fc.string(),
      epoch: anyOffset(),
      masterId: anyUint32(),
      masterAddress: fc.string(),
    }),
    fc.record({
      kind: fc.constant('data' as const),
      offset: anyOffset(),
      batchEpoch: anyOffset(),
      batchEpochStart: anyOffset(),
      records: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
      checksum: anyUint32(),
    }),
    fc.record({
      kind: fc.constant('beat' as const),
      number: anyOffset(),
      lostElector: fc.boolean(),
      inSync: fc.array(fc.record({ brokerId: anyUint32(), durable: anyOffset() }), {
        maxLength: 4,
      }),
      heard: anyOffset(),
    }),
    fc.record({
      kind: fc.constant('hand-over' as const),
      end: anyOffset(),
      stateRevision: anyOffset(),
      resigned: fc.boolean(),
      leaves: fc.boolean(),
    }),
  )
  return fc.record({
    epoch: anyOffset(),
    confirmOffset: anyOffset(),
    maxOffset: anyOffset(),
    message,
  })
}
