import { describe, expect, test } from 'vitest'
import { bytes, json, text } from './codec.ts'

describe('codecs', () => {
  test('bring back what they were given', () => {
    expect(json().decode(Buffer.from(json().encode({ a: ['ü', null, 1.5] })))).toEqual({
      a: ['ü', null, 1.5],
    })
    expect(text().decode(Buffer.from(text().encode('grüße')))).toBe('grüße')
    expect(bytes().decode(Buffer.from(bytes().encode(Buffer.from([0, 255]))))).toEqual(
      Buffer.from([0, 255]),
    )
  })

  // JSON.stringify answers undefined to these, and the message would be empty.
  test.each([undefined, () => {}, Symbol('no')])('JSON refuses %s', (value) => {
    expect(() => json().encode(value)).toThrowError(
      expect.objectContaining({ code: 'ILLEGAL_ARGUMENT' }),
    )
  })

  test('JSON says that a value cannot be written', () => {
    const circle: { self?: unknown } = {}
    circle.self = circle

    expect(() => json().encode(circle)).toThrowError(
      expect.objectContaining({ code: 'ILLEGAL_ARGUMENT' }),
    )
    expect(() => json().encode(1n)).toThrowError(
      expect.objectContaining({ code: 'ILLEGAL_ARGUMENT' }),
    )
  })
})
