import assert from 'node:assert/strict'
import { crc32, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CometError, type ErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'
import { checkMessage, type Message } from '../message.ts'
import { checkProducerBatch } from './check-producer-batch.ts'
import {
  type BatchToEncode,
  type BrokerStamp,
  encodeBatch,
  encodeBrokerRecord,
  encodeFillerHeader,
  stampRecord,
} from './encode-batch.ts'
import { peekRecord } from './peek-record.ts'
import { messageIdOf, NO_PRODUCER_ID, type ProducerStamp } from './producer-stamp.ts'
import { parseBatches, RecordBatch } from './record-batch.ts'
import { keyHash, type Origin, tagAt } from './sections.ts'

// The places of header fields that tests damage on purpose, as `docs/formats/record-batch.md` draws
// them. Repeated here, so that a moved field is noticed.
const at = {
  headerChecksum: 8,
  kind: 13,
  attributes: 14,
  bornTimeMs: 56,
  baseMessageNumber: 80,
  messageCount: 88,
  bodyChecksum: 96,
  sectionBytes: 100,
  bodyBytes: 104,
  topicBytes: 108,
  reserved: 110,
  topic: 112,
} as const

const PRODUCER: ProducerStamp = {
  producerId: '0123456789abcdef',
  producerEpoch: 3,
  sequence: 4_000_000_000,
  baseMessageNumber: 9_000_000_000_000,
}

const STAMP: BrokerStamp = {
  epoch: 7,
  logOffset: 1_099_511_627_776,
  confirmedBefore: 1_099_511_627_000,
  storeTimeMs: 1_760_000_000_123,
  baseQueueOffset: 8_589_934_592,
  continues: true,
}

const ORIGIN: Origin = {
  topic: 'orders',
  queueId: 5,
  queueOffset: 12,
  storeTimeMs: 1_760_000_000_000,
  attempts: 2,
  reason: 'the handler threw: später',
  dueAtMs: 1_760_000_010_000,
}

describe('a record batch', () => {
  // Whatever a producer may send has to reach the consumer as it was.
  test('holds the messages that it was made of', () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        const parsed = RecordBatch.parse(encodeBatch(batch))

        expect(parsed.isBodyIntact).toBe(true)
        expect(parsed.messages()).toEqual(batch.messages.map(withoutEmptyParts))
      }),
    )
  })

  // Filters and the key index see only the sections; a difference would lose messages silently.
  test('tells tags and keys without its body being opened', () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        const { sections } = RecordBatch.parse(encodeBatch(batch))

        expect(batch.messages.map((_, index) => tagAt(sections.tags, index))).toEqual(
          batch.messages.map(({ tag }) => tag),
        )
        expect(sections.keyHashes).toEqual(
          batch.messages.flatMap(({ keys }, messageIndex) =>
            (keys ?? []).map((key) => ({ messageIndex, hash: keyHash(key) })),
          ),
        )
        expect(sections.origin).toEqual(batch.origin)
      }),
    )
  })

  // Idempotence and message ids are made of these.
  test('holds what its producer says about it', () => {
    const parsed = RecordBatch.parse(encodeBatch(batchOf([{ body: bytesOf('a') }])))

    expect(parsed).toMatchObject({
      kind: 'messages',
      topic: 'orders',
      queueId: 7,
      messageCount: 1,
      bornTimeMs: 1_760_000_000_000,
      producer: PRODUCER,
      isCompressed: false,
      isBrokerMade: false,
      continues: false,
      epoch: 0,
      logOffset: 0,
      baseQueueOffset: 0,
    })
  })

  // Stamping must change the broker's fields and nothing else, above all not the body checksum.
  test('holds what the broker stamps on it', () => {
    const bytes = encodeBatch(batchOf([{ body: bytesOf('a') }]))
    const bodyChecksum = bytes.readUInt32LE(at.bodyChecksum)

    stampRecord(bytes, STAMP)
    const stamped = RecordBatch.parse(bytes)

    expect(stamped).toMatchObject(STAMP)
    expect(stamped.isBodyIntact).toBe(true)
    expect(bytes.readUInt32LE(at.bodyChecksum)).toBe(bodyChecksum)
  })

  // A batch that is appended again, by a retry or on a slave, may end another append than before.
  test('forgets an earlier stamp', () => {
    const bytes = encodeBatch(batchOf([{ body: bytesOf('a') }]))
    const again = { ...STAMP, epoch: 8, continues: false }

    stampRecord(bytes, STAMP)
    stampRecord(bytes, again)

    expect(RecordBatch.parse(bytes)).toMatchObject(again)
  })

  // Deliveries name ranges within a batch.
  test('decodes any range of its messages', () => {
    fc.assert(
      fc.property(anyBatch, fc.nat(), fc.nat(), (batch, a, b) => {
        const count = batch.messages.length
        const [from, to] = [a % (count + 1), b % (count + 1)].toSorted((x, y) => x - y) as [
          number,
          number,
        ]
        const parsed = RecordBatch.parse(encodeBatch(batch))

        expect(parsed.messages(from, to)).toEqual(parsed.messages().slice(from, to))
      }),
    )
  })

  // A frame from the network holds many; none may be skipped or read twice.
  test('is found among others, one after the other', () => {
    const records = ['a', 'bb', 'ccc'].map((text) =>
      encodeBatch(batchOf([{ body: bytesOf(text) }])),
    )

    const parsed = [...parseBatches(Buffer.concat(records))]

    expect(parsed.map(({ bytes }) => bytes)).toEqual(records)
    expect(() => [...parseBatches(Buffer.concat([...records, Buffer.from('x')]))]).toThrow(
      coded('MALFORMED_BATCH'),
    )
  })

  // An assignment to `__proto__` sets no property; the value was lost.
  test('keeps a property called __proto__, as a property', () => {
    const properties = JSON.parse('{"__proto__":"a","constructor":"b"}') as Record<string, string>

    const [message] = RecordBatch.parse(
      encodeBatch(batchOf([{ body: bytesOf(''), properties }])),
    ).messages()

    expect(Object.entries(message?.properties ?? {})).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ])
    expect(Object.getPrototypeOf(message?.properties)).toBe(Object.prototype)
  })

  // Text that is no UTF-8 came from elsewhere. It must neither fail the whole batch nor be guessed.
  test('shows bytes that are no UTF-8 as replacement characters', () => {
    const bytes = encodeBatch(batchOf([{ body: bytesOf(''), keys: ['k?'] }]))
    bytes[bytes.indexOf('k?') + 1] = 0xff

    expect(RecordBatch.parse(seal(bytes)).messages()[0]?.keys).toEqual(['k\ufffd'])
  })

  // What checkMessage lets through has to fit, also when a broker gives up on it and adds why:
  // otherwise it could neither be delivered nor get out of the way.
  test('has room for the largest message that is allowed', () => {
    const share = limits.propertiesMaxBytes / 2
    const message: Message = {
      body: Buffer.alloc(limits.messageBodyMaxBytes),
      tag: 't'.repeat(share - limits.keysMaxCount - limits.propertiesMaxCount * 2),
      keys: Array.from({ length: limits.keysMaxCount }, () => 'k'),
      properties: Object.fromEntries(
        Array.from({ length: limits.propertiesMaxCount }, (_, i) => [
          String.fromCharCode(0x100 + i),
          'v'.repeat(share / limits.propertiesMaxCount),
        ]),
      ),
      messageGroup: 'g'.repeat(limits.messageGroupMaxBytes),
      messageId: 'i'.repeat(limits.messageIdMaxBytes),
    }
    checkMessage(message)

    const bytes = encodeBatch({
      ...batchOf([message]),
      topic: 'o'.repeat(limits.topicNameMaxChars),
      origin: {
        ...ORIGIN,
        topic: 't'.repeat(limits.topicNameMaxChars),
        reason: 'r'.repeat(limits.reasonMaxBytes),
      },
    })

    expect(bytes.length).toBeLessThanOrEqual(limits.batchMaxBytes)
    expect(RecordBatch.parse(bytes).messages()[0]?.body.length).toBe(limits.messageBodyMaxBytes)
  })

  // Nobody would open it: readers refuse bodies beyond the limit, compressed or not.
  test.each(['none', 'zstd'] as const)('is not made beyond its limit (%s)', (compression) => {
    const body = Buffer.alloc(limits.batchMaxBytes / 2)

    expect(() => encodeBatch({ ...batchOf([{ body }, { body }]), compression })).toThrow(
      coded('BATCH_TOO_LARGE'),
    )
  })

  // A shorter id would silently be another producer's.
  test.each(['', '0123456789abcde', '0123456789abcdefg', '0123456789abcdeg'])(
    'is not made for the producer id "%s"',
    (producerId) => {
      const producer = { ...PRODUCER, producerId }

      expect(() => encodeBatch({ ...batchOf([{ body: bytesOf('a') }]), producer })).toThrow(
        'hexadecimal',
      )
    },
  )
})

describe('the records of a broker', () => {
  test.each(['change', 'epochOpened'] as const)('hold an opaque body (%s)', (kind) => {
    const bytes = encodeBrokerRecord(kind, bytesOf('state'))
    stampRecord(bytes, STAMP)

    const parsed = RecordBatch.parse(bytes)

    expect(parsed).toMatchObject({ kind, topic: '', messageCount: 0, isBodyIntact: true, ...STAMP })
    expect(parsed.openBody()).toEqual(bytesOf('state'))
  })

  // Only the header of a filler is written: old bytes may stand behind it.
  test('fill the end of a segment whatever stands there', () => {
    const header = encodeFillerHeader(200, STAMP)
    const bytes = Buffer.concat([header, Buffer.alloc(200 - header.length, 0xee)])

    expect(peekRecord(header)).toEqual({ kind: 'record', totalBytes: 200, headerBytes: 112 })
    expect(RecordBatch.parse(bytes)).toMatchObject({ kind: 'filler', isBodyIntact: true, ...STAMP })
  })
})

describe('messageId', () => {
  // A redelivered message has to be recognised: its id is that of the first time.
  test('is the sender’s own, or made of producer and number', () => {
    const messages = [{ body: bytesOf('a') }, { body: bytesOf('b'), messageId: 'order-1' }]
    const parsed = RecordBatch.parse(encodeBatch(batchOf(messages)))

    const ids = parsed.messages().map((message, index) => parsed.messageId(index, message))

    expect(ids).toEqual(['0123456789abcdef-82f79cd9000', 'order-1'])
    expect(messageIdOf(NO_PRODUCER_ID, 255)).toBe('0000000000000000-ff')
  })
})

describe('damage', () => {
  const small: readonly (readonly [string, Buffer])[] = [
    ['one empty message', encodeBatch(batchOf([{ body: bytesOf('') }]))],
    [
      'every part of a message, and an origin',
      encodeBatch({
        ...batchOf([
          { body: bytesOf('a'), tag: 'x', keys: ['k'], properties: { p: 'v' }, messageGroup: 'g' },
          { body: bytesOf('b'), messageId: 'i' },
        ]),
        origin: ORIGIN,
      }),
    ],
    [
      'a compressed body',
      encodeBatch({ ...batchOf([{ body: bytesOf('z') }]), compression: 'zstd' }),
    ],
    ['a change', encodeBrokerRecord('change', bytesOf('changes'))],
  ]
  for (const [, bytes] of small) stampRecord(bytes, STAMP)

  // A flipped bit that goes unnoticed is delivered as if the producer had sent it.
  test.each(small)('of any one bit is noticed: %s', (_, record) => {
    expect(isNoticed(record)).toBe(false)
    for (let bit = 0; bit < record.length * 8; bit++) {
      const damaged = withFlippedBit(record, bit)

      expect({ bit, noticed: isNoticed(damaged) }).toEqual({ bit, noticed: true })
    }
  })

  // A power cut leaves the front of a record behind.
  test.each(small)('by a cut at any byte is noticed: %s', (_, record) => {
    for (let length = 0; length < record.length; length++) {
      expect(() => RecordBatch.parse(record.subarray(0, length))).toThrow(coded('MALFORMED_BATCH'))
    }
  })

  // The same for what nobody thought of.
  test('of any one bit, or by a cut, is noticed in any batch', () => {
    fc.assert(
      fc.property(anyBatch, fc.nat(), (batch, random) => {
        const bytes = encodeBatch(batch)
        stampRecord(bytes, STAMP)

        expect(isNoticed(withFlippedBit(bytes, random % (bytes.length * 8)))).toBe(true)
        expect(isNoticed(bytes.subarray(0, random % bytes.length))).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  // The caller has to know whether reading on makes sense.
  test('is told apart from bytes that are still to come', () => {
    const bytes = encodeBatch(batchOf([{ body: bytesOf('a') }]))

    expect(peekRecord(bytes.subarray(0, 111))).toEqual({ kind: 'incomplete', needBytes: 112 })
    expect(peekRecord(bytes.subarray(0, 112))).toEqual({ kind: 'incomplete', needBytes: 118 })
    expect(peekRecord(bytes.subarray(0, 118))).toEqual({
      kind: 'record',
      totalBytes: bytes.length,
      headerBytes: 118,
    })
    expect(peekRecord(Buffer.alloc(112))).toEqual({
      kind: 'invalid',
      why: 'no record begins here',
    })
  })

  // A header of a later version is intact; calling it damaged would send people after their disk.
  test('is told apart from a later version', () => {
    const bytes = encodeBatch(batchOf([{ body: bytesOf('a') }]))
    bytes[12] = 2

    expect(peekRecord(seal(bytes))).toEqual({
      kind: 'invalid',
      why: 'format version 2 is not known',
    })
  })

  test('of the body is a CHECKSUM_MISMATCH to whoever verifies', () => {
    const bytes = withFlippedBit(
      encodeBatch(batchOf([{ body: bytesOf('abc') }])),
      (at.topic + 'orders'.length + 3) * 8,
    )

    expect(() => RecordBatch.parse(bytes).verifyBody()).toThrow(coded('CHECKSUM_MISMATCH'))
  })
})

/** Valid checksums prove only that nothing changed on the way: the sender may have lied. */
describe('a batch that lies', () => {
  const plain = encodeBatch(batchOf([{ body: bytesOf('a') }, { body: bytesOf('b'), keys: ['k'] }]))
  const bare = encodeBatch(batchOf([{ body: bytesOf('a') }, { body: bytesOf('b') }]))
  const zstd = encodeBatch({ ...batchOf([{ body: Buffer.alloc(1000) }]), compression: 'zstd' })
  const bomb = concat(varint(64 << 20), Buffer.alloc(64 << 20))
  const sections = (content: Buffer, messageCount = 2) =>
    withSections(batchOf([{ body: bytesOf('a') }, { body: bytesOf('b') }]), content, messageCount)
  const body = (...parts: (Buffer | number | string)[]) => withBody(concat(...parts), 1)

  // Each of these once read wrong messages, threw what nobody catches, or asked for gigabytes.
  test.each<[string, Buffer]>([
    ['about more messages than there are', patched(plain, at.messageCount, 3)],
    ['about fewer messages than there are', patched(bare, at.messageCount, 1)],
    ['about having no message', patched(plain, at.messageCount, 0)],
    ['about four billion messages', patched(plain, at.messageCount, 0xffffffff)],
    ['about a longer body', patched(plain, at.bodyBytes, 1000)],
    ['about a shorter body', patched(plain, at.bodyBytes, 1)],
    ['about a longer compressed body', patched(zstd, at.bodyBytes, 1004)],
    ['about a shorter compressed body', patched(zstd, at.bodyBytes, 1002)],
    ['about an empty compressed body', patched(zstd, at.bodyBytes, 0)],
    ['about its compression', patched(plain, at.attributes, 1)],
    ['with a compression that is not known', patched(plain, at.attributes, 2)],
    ['with both bits of compression', patched(plain, at.attributes, 3)],
    ['with a compressed body that is cut off', cut(zstd, 1)],
    ['with a compressed body of nothing', compressedBody(Buffer.alloc(0), 10)],
    ['with a bomb that says so', compressedBody(zstdCompressSync(bomb), bomb.length)],
    ['with a bomb that does not', compressedBody(zstdCompressSync(bomb), 1000)],
    ['with a window of 128 MiB', compressedBody(Buffer.from('28b52ffd0088290000020061', 'hex'), 5)],
    ['with a message without flags', body(0)],
    ['with a message flag that is not known', body(2, 16, 1)],
    ['with a message longer than the body', body(100, 0, 'a')],
    ['with a length of 2^40', body(varint(2 ** 40), 0)],
    ['with a length beyond 2^53', body(...Array.from({ length: 9 }, () => 0xff), 0)],
    ['with 2^40 keys', body(8, 1, varint(2 ** 40), 0)],
    ['with 2^40 properties', body(8, 2, varint(2 ** 40), 0)],
    ['with a key longer than its message', body(3, 1, 1, 100)],
    ['with a message group longer than its message', body(2, 4, 100)],
    ['with bytes after the last message', body(2, 0, 'a', 'bcd')],
    ['with a section that is cut off', sections(concat(1, uint32(100), 1))],
    ['with half a section header', sections(concat(9, 0, 0))],
    ['with no tag in the tag section', sections(section(1, 0))],
    ['with more tags than messages', sections(section(1, 3, 1, 'a', 1, 'b', 1, 'c', uint16(0, 1)))],
    ['with 2^40 tags', sections(section(1, varint(2 ** 40), 1, 'a'))],
    ['with tags of nobody', sections(section(1, 2, 1, 'a', 1, 'b'))],
    ['with a tag for one of two messages', sections(section(1, 1, 1, 'a', uint16(0)))],
    ['with a tag for three of two messages', sections(section(1, 1, 1, 'a', uint16(0, 0, 0)))],
    ['with a tag that is not listed', sections(section(1, 1, 1, 'a', uint16(0, 1)))],
    ['with two tag sections', sections(concat(section(1, 1, 1, 'a'), section(1, 1, 1, 'b')))],
    ['with a key of message 2 of 2', sections(section(2, uint16(2), uint32(0)))],
    ['with half a key hash', sections(section(2, uint16(1), 0, 0))],
    ['with an origin that is cut off', sections(section(3, 1, 't', uint32(0)))],
    ['with bytes after an origin', sections(section(3, origin(), 0))],
    ['with an origin of offset 2^60', sections(section(3, origin(2 ** 28)))],
    [
      'with tags for four billion messages',
      sections(section(1, 1, 1, 'a', uint16(0, 0)), 0xffffffff),
    ],
  ])('%s is refused, as MALFORMED_BATCH', (_, bytes) => {
    const batch = RecordBatch.parse(bytes)

    expect(batch.isBodyIntact).toBe(true)
    expect(() => batch.messages()).toThrow(coded('MALFORMED_BATCH'))
  })

  // Whatever the bytes: an error that is not a CometError stops the process of whoever reads them.
  test('is never worse than MALFORMED_BATCH', () => {
    fc.assert(
      fc.property(anyLie, (bytes) => {
        const outcome = outcomeOf(() => readAll(RecordBatch.parse(bytes)))

        expect(['fine', 'MALFORMED_BATCH', 'CHECKSUM_MISMATCH']).toContain(outcome)
      }),
      { numRuns: 2000 },
    )
  })

  test('is never worse than MALFORMED_BATCH, even if it is no record at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, hasMagic) => {
        const buffer = Buffer.from(bytes)
        if (hasMagic && buffer.length >= 4) buffer.write('CMTB', 'latin1')

        expect(outcomeOf(() => RecordBatch.parse(buffer))).toBe('MALFORMED_BATCH')
      }),
    )
  })

  // Sections of a later version must not keep this one from reading the rest.
  test('is not one with a section that is not known', () => {
    const batch = RecordBatch.parse(sections(concat(section(9, 'later'), section(1, 1, 1, 'a'))))

    expect(batch.messages().map(({ tag }) => tag)).toEqual(['a', 'a'])
    expect(() => checkProducerBatch(batch)).not.toThrow()
  })
})

describe('checkProducerBatch', () => {
  const good = encodeBatch(batchOf([{ body: bytesOf('a'), tag: 'x', keys: ['k'] }]))

  test('accepts what encodeBatch makes', () => {
    fc.assert(
      fc.property(anyBatch, (any) => {
        const { origin, ...batch } = any
        fc.pre(origin === undefined)

        expect(outcomeOf(() => checkProducerBatch(RecordBatch.parse(encodeBatch(batch))))).toBe(
          'fine',
        )
      }),
    )
  })

  // A batch that is stored stays in the way of its queue for days.
  test.each<[string, ErrorCode, Buffer]>([
    ['a record of a broker', 'MALFORMED_BATCH', encodeBrokerRecord('change', bytesOf('x'))],
    ['a record of a kind that is not known', 'MALFORMED_BATCH', patched8(good, at.kind, 9)],
    ['a batch marked as made by a broker', 'MALFORMED_BATCH', patched(good, at.attributes, 8)],
    ['a batch with a bit of a later version', 'MALFORMED_BATCH', patched(good, at.attributes, 16)],
    ['a batch with reserved bytes set', 'MALFORMED_BATCH', patched8(good, at.reserved, 1)],
    ['a compression that is not known', 'MALFORMED_BATCH', patched(good, at.attributes, 2)],
    ['no messages', 'MALFORMED_BATCH', patched(good, at.messageCount, 0)],
    [
      'too many messages',
      'MALFORMED_BATCH',
      patched(good, at.messageCount, limits.batchMaxMessages + 1),
    ],
    ['a wrong body length', 'MALFORMED_BATCH', patched(good, at.bodyBytes, 1)],
    ['a born time beyond 2^53', 'MALFORMED_BATCH', patched(good, at.bornTimeMs + 4, 0xffffffff)],
    [
      'message numbers beyond 2^53',
      'MALFORMED_BATCH',
      patched(good, at.baseMessageNumber + 4, 0xffffffff),
    ],
    ['a last message number beyond 2^53', 'MALFORMED_BATCH', lastNumber(2 ** 53 - 1, 2)],
    [
      'sections that make no sense',
      'MALFORMED_BATCH',
      withSections(batchOf([{ body: bytesOf('a') }]), section(1, 0), 1),
    ],
    [
      'an origin',
      'MALFORMED_BATCH',
      withSections(batchOf([{ body: bytesOf('a') }]), section(3, origin()), 1),
    ],
    [
      'a body that opens to more than a batch may have',
      'BATCH_TOO_LARGE',
      compressedBody(zstdCompressSync(Buffer.alloc(5 << 20)), 5 << 20),
    ],
    ['too many bytes', 'BATCH_TOO_LARGE', withBody(Buffer.alloc(limits.batchMaxBytes), 1)],
    [
      'a body that was damaged on the way',
      'CHECKSUM_MISMATCH',
      withFlippedBit(good, good.length * 8 - 1),
    ],
    [
      'sections that were damaged on the way',
      'CHECKSUM_MISMATCH',
      withFlippedBit(good, (at.topic + 'orders'.length + 5) * 8),
    ],
  ])('refuses %s, as %s', (_, code, bytes) => {
    expect(() => checkProducerBatch(RecordBatch.parse(bytes))).toThrow(coded(code))
  })

  // The broker reads header and sections of what it has stored without expecting a failure.
  test('lets nothing through whose header or sections fail later', () => {
    let passed = 0
    fc.assert(
      fc.property(anyLie, (bytes) => {
        const whole = outcomeOf(() => checkProducerBatch(RecordBatch.parse(bytes)))
        fc.pre(whole === 'fine')
        passed++
        const batch = RecordBatch.parse(bytes)

        expect(outcomeOf(() => readHeader(batch))).toBe('fine')
        expect(outcomeOf(() => batch.sections)).toBe('fine')
      }),
      { numRuns: 200, maxSkipsPerRun: 1000 },
    )
    expect(passed).toBeGreaterThan(0)
  })
})

// What the tests above build with.

const anyText = fc.string({ unit: 'binary', maxLength: 20 })

const anyMessage: fc.Arbitrary<Message> = fc.record(
  {
    body: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    tag: fc.oneof(fc.constantFrom('red', 'blue'), anyText),
    keys: fc.array(anyText, { maxLength: 4 }),
    properties: fc.dictionary(
      fc.oneof(anyText, fc.constantFrom('__proto__', 'constructor')),
      anyText,
      { maxKeys: 40, noNullPrototype: true },
    ),
    messageGroup: anyText,
    messageId: anyText,
  },
  { requiredKeys: ['body'] },
)

const anyUint64 = fc.maxSafeNat()
const anyUint32 = fc.nat(0xffffffff)

const anyBatch: fc.Arbitrary<BatchToEncode> = fc.record(
  {
    topic: anyText,
    queueId: anyUint32,
    producer: fc.record({
      producerId: fc.uint8Array({ minLength: 8, maxLength: 8 }).map((id) => hex(id)),
      producerEpoch: anyUint32,
      sequence: anyUint32,
      baseMessageNumber: fc.nat(2 ** 53 - 100),
    }),
    bornTimeMs: anyUint64,
    messages: fc.oneof(
      fc.array(anyMessage, { minLength: 1, maxLength: 20 }),
      // One tag for all of them, which is encoded differently.
      fc
        .array(anyMessage, { minLength: 1, maxLength: 20 })
        .map((messages) => messages.map((message) => ({ ...message, tag: 'same' }))),
    ),
    compression: fc.constantFrom('none' as const, 'zstd' as const),
    origin: fc.record({
      topic: anyText,
      queueId: anyUint32,
      queueOffset: anyUint64,
      storeTimeMs: anyUint64,
      attempts: anyUint32,
      reason: anyText,
      dueAtMs: anyUint64,
    }),
  },
  { requiredKeys: ['topic', 'queueId', 'producer', 'bornTimeMs', 'messages'] },
)

/** Batches with some bytes overwritten, and checksums that say that all is well. */
const anyLie = fc
  .tuple(
    anyBatch,
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
    fc.constantFrom(at.attributes, at.bornTimeMs, at.messageCount, at.topic),
  )
  .map(([batch, changes, from]) => {
    const bytes = encodeBatch(batch)
    for (const [place, value] of changes) {
      bytes[from + (place % (bytes.length - from))] = value
    }
    bytes.writeUInt16LE(bytes.readUInt16LE(at.topicBytes) % 8, at.topicBytes)
    return seal(bytes)
  })

function batchOf(messages: readonly Message[]): BatchToEncode {
  return {
    topic: 'orders',
    queueId: 7,
    producer: PRODUCER,
    bornTimeMs: 1_760_000_000_000,
    messages,
  }
}

/** What decoding cannot tell apart from a message without that part. */
function withoutEmptyParts(message: Message): Message {
  const { keys, properties, ...rest } = message
  return {
    ...rest,
    ...(keys !== undefined && keys.length > 0 && { keys }),
    ...(properties !== undefined && Object.keys(properties).length > 0 && { properties }),
  }
}

function isNoticed(bytes: Buffer): boolean {
  if (peekRecord(bytes).kind !== 'record') return true
  const outcome = outcomeOf(() => RecordBatch.parse(bytes).verifyBody())
  return outcome !== 'fine'
}

/** Renews both checksums, as a sender does whose bytes are meant to be what they are. */
function seal(bytes: Buffer): Buffer {
  const early = crc32(bytes.subarray(at.bornTimeMs, at.bodyChecksum))
  bytes.writeUInt32LE(crc32(bytes.subarray(at.sectionBytes), early), at.bodyChecksum)
  const headerEnd = at.topic + bytes.readUInt16LE(at.topicBytes)
  const first = crc32(bytes.subarray(0, at.headerChecksum))
  bytes.writeUInt32LE(crc32(bytes.subarray(12, headerEnd), first), at.headerChecksum)
  return bytes
}

function patched(bytes: Buffer, place: number, value: number): Buffer {
  const copy = Buffer.from(bytes)
  if (place === at.attributes) copy.writeUInt16LE(value, place)
  else copy.writeUInt32LE(value, place)
  return seal(copy)
}

function patched8(bytes: Buffer, place: number, value: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[place] = value
  return seal(copy)
}

function cut(bytes: Buffer, count: number): Buffer {
  const copy = Buffer.from(bytes.subarray(0, bytes.length - count))
  copy.writeUInt32LE(copy.length, 4)
  return seal(copy)
}

function withBody(body: Buffer, messageCount: number): Buffer {
  const header = encodeBatch(batchOf([{ body: bytesOf('') }])).subarray(0, at.topic + 6)
  const bytes = Buffer.concat([header, body])
  bytes.writeUInt32LE(bytes.length, 4)
  bytes.writeUInt32LE(body.length, at.bodyBytes)
  bytes.writeUInt32LE(messageCount, at.messageCount)
  return seal(bytes)
}

function compressedBody(body: Buffer, bodyBytes: number): Buffer {
  const bytes = withBody(body, 1)
  bytes.writeUInt32LE(bodyBytes, at.bodyBytes)
  bytes.writeUInt16LE(1, at.attributes)
  return seal(bytes)
}

function withSections(batch: BatchToEncode, content: Buffer, messageCount: number): Buffer {
  const bytes = encodeBatch(batch)
  assert.equal(bytes.readUInt32LE(at.sectionBytes), 0)
  const headerEnd = at.topic + bytes.readUInt16LE(at.topicBytes)
  const whole = concat(bytes.subarray(0, headerEnd), content, bytes.subarray(headerEnd))
  whole.writeUInt32LE(whole.length, 4)
  whole.writeUInt32LE(content.length, at.sectionBytes)
  whole.writeUInt32LE(messageCount, at.messageCount)
  return seal(whole)
}

function lastNumber(baseMessageNumber: number, count: number): Buffer {
  const messages = Array.from({ length: count }, () => ({ body: bytesOf('') }))
  return encodeBatch({ ...batchOf(messages), producer: { ...PRODUCER, baseMessageNumber } })
}

function section(type: number, ...parts: (Buffer | number | string)[]): Buffer {
  const content = concat(...parts)
  return concat(type, uint32(content.length), content)
}

function origin(offsetHigh = 0): Buffer {
  return concat(1, 't', uint32(0, 0, offsetHigh, 0, 0, 1), 1, 'r', uint32(0, 0))
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return Buffer.from([...bytes, rest])
}

function uint16(...values: number[]): Buffer {
  return Buffer.from(new Uint16Array(values).buffer)
}

function uint32(...values: number[]): Buffer {
  return Buffer.from(new Uint32Array(values).buffer)
}

function concat(...parts: readonly (Buffer | number | string)[]): Buffer {
  return Buffer.concat(parts.map((part) => (Buffer.isBuffer(part) ? part : bytesOf(part))))
}

function bytesOf(part: number | string): Buffer {
  return typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function withFlippedBit(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7))
  return copy
}

function coded(code: ErrorCode): object {
  return expect.objectContaining({ name: 'CometError', code }) as object
}

function readHeader(batch: RecordBatch): void {
  const { topic, queueId, messageCount, producer, bornTimeMs, isBrokerMade, kind } = batch
  assert.ok([topic, queueId, messageCount, producer, bornTimeMs, isBrokerMade, kind].length > 0)
}

/** Everything that readers ask a batch for. */
function readAll(batch: RecordBatch): void {
  readHeader(batch)
  batch.messages()
  batch.messages(batch.messageCount)
}

/** `fine` or the code of the error; fails on any other error. */
function outcomeOf(act: () => unknown): 'fine' | ErrorCode {
  try {
    act()
    return 'fine'
  } catch (thrown) {
    if (thrown instanceof CometError) return thrown.code
    throw thrown
  }
}
