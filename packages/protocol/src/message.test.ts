import { describe, expect, test } from 'vitest'
import type { ErrorCode } from './errors.ts'
import { limits } from './limits.ts'
import { checkMessage, type Message } from './message.ts'

const body = Buffer.from('a')
const protoProperty = JSON.parse('{"__proto__":"a"}') as Record<string, string>

describe('checkMessage', () => {
  test.each<[string, Message]>([
    ['an empty body', { body: Buffer.alloc(0) }],
    ['a largest body', { body: Buffer.alloc(limits.messageBodyMaxBytes) }],
    ['every part', { body, tag: 't', keys: ['k'], properties: { p: '' }, messageGroup: 'g' }],
    ['text of any language', { body, tag: 'ü', keys: ['键'], properties: { '🔑': '\n' } }],
    ['a longest message group', { body, messageGroup: 'g'.repeat(limits.messageGroupMaxBytes) }],
    ['a longest message id', { body, messageId: 'i'.repeat(limits.messageIdMaxBytes) }],
    ['as many keys as allowed', { body, keys: manyOf(limits.keysMaxCount) }],
    [
      'as many properties as allowed',
      { body, properties: propertiesOf(limits.propertiesMaxCount) },
    ],
    ['a property called __proto__', { body, properties: protoProperty }],
  ])('lets %s through', (_, message) => {
    expect(() => checkMessage(message)).not.toThrow()
  })

  // What is not refused here fails at the broker, or arrives as something else.
  test.each<[string, ErrorCode, Message]>([
    ['a body', 'MESSAGE_TOO_LARGE', { body: Buffer.alloc(limits.messageBodyMaxBytes + 1) }],
    ['a blank tag', 'ILLEGAL_ARGUMENT', { body, tag: ' ' }],
    ['a tag with the sign of filters', 'ILLEGAL_ARGUMENT', { body, tag: 'a||b' }],
    ['a tag with a line break', 'ILLEGAL_ARGUMENT', { body, tag: 'a\nb' }],
    ['a blank key', 'ILLEGAL_ARGUMENT', { body, keys: [''] }],
    ['a key with half a surrogate pair', 'ILLEGAL_ARGUMENT', { body, keys: ['a\ud800'] }],
    ['too many keys', 'PROPERTIES_TOO_LARGE', { body, keys: manyOf(limits.keysMaxCount + 1) }],
    ['a blank property key', 'ILLEGAL_ARGUMENT', { body, properties: { '': 'a' } }],
    ['half a surrogate pair', 'ILLEGAL_ARGUMENT', { body, properties: { a: '\udc00' } }],
    [
      'too many properties',
      'PROPERTIES_TOO_LARGE',
      { body, properties: propertiesOf(limits.propertiesMaxCount + 1) },
    ],
    [
      'tag, keys and properties that are too large together',
      'PROPERTIES_TOO_LARGE',
      { body, tag: 't', keys: ['k'], properties: { p: 'v'.repeat(limits.propertiesMaxBytes - 2) } },
    ],
    [
      'a long message group',
      'ILLEGAL_ARGUMENT',
      { body, messageGroup: 'ä'.repeat(limits.messageGroupMaxBytes / 2 + 1) },
    ],
    [
      'a long message id',
      'ILLEGAL_ARGUMENT',
      { body, messageId: 'i'.repeat(limits.messageIdMaxBytes + 1) },
    ],
  ])('refuses %s, as %s', (_, code, message) => {
    expect(() => checkMessage(message)).toThrow(coded(code))
  })

  // JavaScript has no compiler that would say so.
  test.each([{ tag: 1 }, { keys: [new Date(0)] }, { properties: { price: 9.5 } }])(
    'names what is no string, in %j',
    (parts) => {
      expect(() => checkMessage({ body, ...parts } as unknown as Message)).toThrow(
        coded('ILLEGAL_ARGUMENT'),
      )
    },
  )
})

function manyOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `k${i}`)
}

function propertiesOf(count: number): Record<string, string> {
  return Object.fromEntries(manyOf(count).map((key) => [key, 'v']))
}

function coded(code: ErrorCode): object {
  return expect.objectContaining({ name: 'CometError', code }) as object
}
