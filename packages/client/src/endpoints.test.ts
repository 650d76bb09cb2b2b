import { describe, expect, test } from 'vitest'
import { parseEndpoints } from './endpoints.ts'

describe('parseEndpoints', () => {
  test.each([
    ['localhost:9876', ['localhost:9876']],
    ['a:1, b:2 ,a:1,', ['a:1', 'b:2']],
    [
      ['10.0.0.1:9876', '[::1]:9876'],
      ['10.0.0.1:9876', '[::1]:9876'],
    ],
  ])('reads %j', (given, expected) => {
    expect(parseEndpoints(given)).toEqual(expected)
  })

  test.each([
    '',
    ' , ',
    [],
    'localhost',
    'localhost:',
    'http://localhost:9876',
    'a:99999',
    'a b:1',
  ])('refuses %j', (given) => {
    expect(() => parseEndpoints(given)).toThrowError(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    )
  })
})
