import { describe, expect, test } from 'vitest'
import { jsonLine, type TailedMessage, textLine } from './commands/msg-tail.ts'
import { bodyFields, bodyLine } from './output.ts'

describe('a body', () => {
  test('is its text where it is text, and its size and front where it is not', () => {
    expect(bodyLine(Buffer.from('grüße'))).toBe('grüße')
    expect(bodyLine(Buffer.from([0xff, 0xfe]))).toBe('<2 bytes fffe>')
    expect(bodyLine(Buffer.alloc(20, 0xff))).toBe(`<20 bytes ${'ff'.repeat(16)}…>`)
  })

  // A body that claimed to be text and was not could not be sent again as it was.
  test('is base64 in JSON unless it is text', () => {
    expect(bodyFields(Buffer.from('a\u0000b'))).toEqual({ body: 'a\u0000b' })
    expect(bodyFields(Buffer.from([0xff]))).toEqual({ bodyBase64: '/w==' })
    expect(bodyFields(Buffer.from([0xef, 0xbb, 0xbf, 0x61]))).toEqual({ body: '\ufeffa' })
  })
})

describe('a tailed message', () => {
  const message: TailedMessage = {
    id: 'p-1',
    topic: 'orders',
    brokerName: 'a',
    queueId: 3,
    queueOffset: 17,
    storedAt: new Date('2026-01-31T12:00:00Z'),
    tag: 'new',
    key: undefined,
    keys: [],
    properties: { source: 'web\nforged line' },
    body: Buffer.from('two\nlines'),
  }

  test('is one line, whatever is in it', () => {
    expect(textLine(message)).toBe(
      '2026-01-31T12:00:00.000Z  a/3/17  [new]  source=web\\nforged line  two\\nlines\n',
    )
  })

  test('is one JSON document with what it has', () => {
    expect(JSON.parse(jsonLine(message))).toEqual({
      topic: 'orders',
      brokerName: 'a',
      queueId: 3,
      offset: 17,
      messageId: 'p-1',
      body: 'two\nlines',
      tag: 'new',
      properties: { source: 'web\nforged line' },
      storeTime: '2026-01-31T12:00:00.000Z',
    })
  })
})
