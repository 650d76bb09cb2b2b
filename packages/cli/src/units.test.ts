import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  exactDuration,
  exactSize,
  formatBytes,
  formatDuration,
  parseDuration,
  parseSize,
  parseTime,
} from './units.ts'

describe('durations', () => {
  test('are numbers with units, one after the other', () => {
    expect(parseDuration('500ms')).toBe(500)
    expect(parseDuration('30s')).toBe(30_000)
    expect(parseDuration('1h30m')).toBe(5_400_000)
    expect(parseDuration('1.5s')).toBe(1_500)
    expect(parseDuration('7d')).toBe(604_800_000)
  })

  // `--timeout 5` means seconds to one and milliseconds to another.
  test('are refused without a unit, and with anything around them', () => {
    for (const text of ['', '5', 's', '5 s', '-5s', '5sx', 'x5s', '5s,6s']) {
      expect(parseDuration(text), text).toBeUndefined()
    }
  })

  test('are shown by their two largest units', () => {
    expect(formatDuration(20)).toBe('20ms')
    expect(formatDuration(1_500)).toBe('1.5s')
    expect(formatDuration(200_000)).toBe('3m 20s')
    expect(formatDuration(3_600_000)).toBe('1h')
    expect(formatDuration(2 * 86_400_000 + 3 * 3_600_000 + 59_000)).toBe('2d 3h')
  })

  test('of any length are shown', () => {
    fc.assert(
      fc.property(fc.nat(), (durationMs) => {
        expect(formatDuration(durationMs)).toMatch(/^\d+(\.\d)?[a-z]+( \d+[a-z])?$/)
      }),
    )
  })
})

describe('sizes', () => {
  test('are bytes, or bytes times a unit of either kind', () => {
    expect(parseSize('4096')).toBe(4096)
    expect(parseSize('64KiB')).toBe(65_536)
    expect(parseSize('1.5 GiB')).toBe(1_610_612_736)
    expect(parseSize('10GB')).toBe(10_000_000_000)
  })

  test('that are no whole number of bytes are refused', () => {
    for (const text of ['', 'KiB', '-1', '1.5', '1kib', '99999999TiB', '1 MiB x']) {
      expect(parseSize(text), text).toBeUndefined()
    }
  })

  test('are shown in the unit that fits', () => {
    expect(formatBytes(0)).toBe('0 B')
    expect(formatBytes(1023)).toBe('1023 B')
    expect(formatBytes(1536)).toBe('1.5 KiB')
    expect(formatBytes(5 * 2 ** 40)).toBe('5.0 TiB')
  })
})

describe('times', () => {
  const now = Date.parse('2026-01-31T12:00:00Z')

  test('are ISO times, or so long ago', () => {
    expect(parseTime('15m', now)).toBe(now - 900_000)
    expect(parseTime('2026-01-31T11:00:00Z', now)).toBe(now - 3_600_000)
    expect(parseTime('2026-01-31T13:00:00+02:00', now)).toBe(now - 3_600_000)
  })

  // `Date.parse` takes "1" for the year 2001.
  test('that only Date.parse understands are refused', () => {
    for (const text of ['1', 'yesterday', '2026', '31.1.2026', '2026-02-31T00:00', '2026-13-01']) {
      expect(parseTime(text, now), text).toBeUndefined()
    }
  })
})

// `--check` shows settings in the form in which a file may give them.
test('exact durations and sizes are read back as they were', () => {
  expect([exactDuration(259_200_000), exactDuration(90_500), exactDuration(0)]).toEqual([
    '3d',
    '90500ms',
    '0s',
  ])
  expect([exactSize(256 * 2 ** 20), exactSize(4_097), exactSize(0)]).toEqual([
    '256MiB',
    '4097',
    '0',
  ])
  fc.assert(
    fc.property(fc.nat(), (value) => {
      expect(parseDuration(exactDuration(value))).toBe(value)
      expect(parseSize(exactSize(value))).toBe(value)
    }),
  )
})
