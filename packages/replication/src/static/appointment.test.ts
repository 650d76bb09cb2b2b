import { commitLogOffset } from '@cometmq/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Appointment,
  appointmentAnswer,
  appointmentOf,
  encodeStaticRecord,
  parseStaticRecord,
  type StaticRecord,
  supersedes,
} from './appointment.ts'

const appointment: fc.Arbitrary<Appointment> = fc.record({
  epoch: fc.nat(2 ** 40),
  master: fc.option(fc.integer({ min: 1, max: 7 }), { nil: undefined }),
  by: fc.string(),
  loss: fc.option(
    fc.record({
      epoch: fc.integer({ min: 1, max: 2 ** 40 }),
      cause: fc.constant('operator' as const),
      keptTo: fc.nat(2 ** 50).map(commitLogOffset),
      confirmedTo: fc.nat(2 ** 50).map(commitLogOffset),
    }),
    { nil: undefined },
  ),
})
const record: fc.Arbitrary<StaticRecord> = fc.record({ appointment, inSyncAs: fc.nat(2 ** 30) })

describe('an appointment', () => {
  test('reads back from disk as it was written', () => {
    fc.assert(
      fc.property(record, (value) => {
        expect(parseStaticRecord(encodeStaticRecord(value), 'path')).toEqual(value)
      }),
    )
  })

  test('comes to other members as it was told', () => {
    fc.assert(
      fc.property(appointment, (value) => {
        expect(appointmentOf(appointmentAnswer(value))).toEqual(value)
      }),
    )
  })

  // A member that acted on half of it could lead in an epoch that is another's.
  test('is refused when a byte of it is another one', () => {
    const text = encodeStaticRecord({
      appointment: { epoch: 7, master: 2, by: 'promotion f00d', loss: undefined },
      inSyncAs: 3,
    })

    for (let at = 0; at < text.length; at++) {
      const damaged = `${text.slice(0, at)}${text[at] === '#' ? '+' : '#'}${text.slice(at + 1)}`
      expect(() => parseStaticRecord(damaged, 'path')).toThrow(
        expect.objectContaining({ code: 'STORE_CORRUPT' }),
      )
    }
  })

  // Two operators who do not know of each other would otherwise make two masters of one epoch.
  test('of one epoch is given once, and completes only its own fence', () => {
    const fence = { epoch: 5, master: undefined, by: 'a', loss: undefined }

    expect(supersedes({ ...fence, master: 2 }, fence)).toBe(true)
    expect(supersedes({ ...fence, master: 3, by: 'b' }, fence)).toBe(false)
    expect(supersedes({ ...fence, by: 'b' }, fence)).toBe(false)
    expect(supersedes({ ...fence, master: 3 }, { ...fence, master: 2 })).toBe(false)
    expect(supersedes({ ...fence, epoch: 4, master: 2 }, fence)).toBe(false)
    expect(supersedes({ ...fence, epoch: 6, by: 'b' }, { ...fence, master: 2 })).toBe(true)
  })
})
