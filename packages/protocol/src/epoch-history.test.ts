import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { consistentPoint, EpochHistory, type Lineage } from './epoch-history.ts'
import { commitLogOffset } from './offsets.ts'

describe('an epoch history', () => {
  // A beat may name the epoch again with which the log already ends.
  test('stays the same when its last entry is appended once more', () => {
    const history = historyOf([1, 0], [3, 10])

    expect(history.append(entry(3, 10))).toBe(history)
  })

  // The epoch of a master that wrote nothing. If it stayed, the new one would go unrecorded, or the
  // starts would not rise.
  test('lets a new epoch replace those that start where it starts', () => {
    const history = historyOf([1, 0], [3, 10], [4, 20])

    expect(pairsOf(history.append(entry(5, 20)))).toEqual([
      [1, 0],
      [3, 10],
      [5, 20],
    ])
    expect(pairsOf(history.append(entry(6, 10)))).toEqual([
      [1, 0],
      [6, 10],
    ])
  })

  // A stale master, or one with another idea of where its epoch began: following it would fork.
  test.each([
    [3, 11],
    [2, 11],
    [2, 10],
  ])('refuses epoch %i from %i, which does not rise', (epoch, start) => {
    const history = historyOf([1, 0], [3, 10])

    expect(() => history.append(entry(epoch, start))).toThrow(
      expect.objectContaining({ code: 'STALE_EPOCH' }),
    )
  })

  // At the cut itself the next master may write something else under another epoch: a kept entry
  // would claim it for the old one.
  test('loses the entry that starts exactly where the log is cut', () => {
    const history = historyOf([1, 0], [3, 10], [4, 20])

    expect(pairsOf(history.truncate(offset(20)))).toEqual([
      [1, 0],
      [3, 10],
    ])
    expect(history.truncate(offset(21))).toBe(history)
    expect(pairsOf(history.truncate(offset(0)))).toEqual([])
  })

  // The oldest byte still stored belongs to an entry that started before it.
  test('keeps the entry that holds the first byte when segments are deleted', () => {
    const history = historyOf([1, 0], [3, 10], [4, 20])

    expect(pairsOf(history.retain(offset(19)))).toEqual([
      [3, 10],
      [4, 20],
    ])
    expect(pairsOf(history.retain(offset(20)))).toEqual([[4, 20]])
    expect(history.retain(offset(5))).toBe(history)
  })

  // Who pushes a range has to name the epoch that wrote it.
  test('knows which entry wrote a byte', () => {
    const history = historyOf([1, 5], [3, 10])

    expect(history.at(offset(4))).toBeUndefined()
    expect(history.at(offset(9))).toEqual(entry(1, 5))
    expect(history.at(offset(10))).toEqual(entry(3, 10))
  })

  // A damaged file must not become a lineage.
  test.each([
    [
      [1, 0],
      [1, 5],
    ],
    [
      [2, 0],
      [1, 5],
    ],
    [
      [1, 5],
      [2, 5],
    ],
    [[0, 0]],
  ])('is not made of entries that do not rise: %j, %j', (...pairs) => {
    expect(() => historyOf(...pairs)).toThrow(expect.objectContaining({ code: 'STORE_CORRUPT' }))
  })

  // The invariant itself, over any order of calls.
  test('rises strictly whatever happens to it', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(5))), (changes) => {
        let history = EpochHistory.empty
        let max = 0
        for (const [index, [opens, size]] of changes.entries()) {
          if (opens) history = history.append(entry(index + 1, max))
          else max = Math.max(0, max - size)
          history = opens ? history : history.truncate(offset(max))
          if (opens) max += size
        }

        expect(() => EpochHistory.of(history.entries)).not.toThrow()
        expect(history.last === undefined || history.last.start <= max).toBe(true)
      }),
    )
  })
})

describe('the consistent point', () => {
  // A tail that the new master never had: it is what the slave has to cut.
  test('is the end of what both have of the newest epoch they share', () => {
    const slave = lineage(30, [1, 0], [2, 10])
    const master = lineage(40, [1, 0], [2, 10], [3, 25])

    expect(consistentPoint(slave, master)).toBe(25)
    expect(consistentPoint(lineage(20, [1, 0], [2, 10]), master)).toBe(20)
  })

  // The same epoch number from two starts is two histories, however alike they look.
  test('does not take one epoch with two starts for the same', () => {
    const slave = lineage(30, [1, 0], [3, 12])
    const master = lineage(40, [1, 0], [3, 10])

    expect(consistentPoint(slave, master)).toBe(10)
  })

  // Such a slave starts over or asks an operator; nobody guesses zero.
  test('does not exist without an epoch in common', () => {
    expect(consistentPoint(lineage(30, [1, 0]), lineage(40, [2, 5]))).toBeUndefined()
    expect(consistentPoint(lineage(0), lineage(40, [1, 0]))).toBeUndefined()
  })

  // The claim that truncation stands on: no byte below the point differs, and no byte above it
  // could have stayed, unless the slave is merely the shorter one.
  test('is where logs part that were forked and followed each other', () => {
    fc.assert(
      fc.property(reigns, (history) => {
        const logs = logsAfter(history)

        for (const slave of logs) {
          for (const master of logs) {
            const point = consistentPoint(slave, master)
            if (point === undefined) continue

            expect(slave.bytes.slice(0, point)).toEqual(master.bytes.slice(0, point))
            const isWholeOfOne = point === slave.maxOffset || point === master.maxOffset
            expect(isWholeOfOne || slave.bytes[point] !== master.bytes[point]).toBe(true)
          }
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

interface Log extends Lineage {
  /** Which write put each byte there; no two writes are alike. */
  readonly bytes: readonly number[]
}

/** A master of a new epoch writes so much; then others follow it and copy so much of what they lack. */
const reigns = fc.array(
  fc.record({
    master: fc.nat(2),
    written: fc.nat(3),
    followers: fc.uniqueArray(fc.record({ member: fc.nat(2), copied: fc.nat(6) }), {
      selector: ({ member }) => member,
    }),
  }),
  { maxLength: 12 },
)

/** Three logs after masters followed each other, none of which asked whether it lost anything. */
function logsAfter(
  history: readonly {
    readonly master: number
    readonly written: number
    readonly followers: readonly { readonly member: number; readonly copied: number }[]
  }[],
): Log[] {
  const logs = Array.from({ length: 3 }, (): Log => logOf(EpochHistory.empty, []))
  let write = 0
  for (const [index, { master, written, followers }] of history.entries()) {
    const before = at(logs, master)
    const opened = logOf(before.history.append(entry(index + 1, before.maxOffset)), [
      ...before.bytes,
      ...Array.from({ length: written }, () => (write += 1)),
    ])
    logs[master] = opened
    for (const { member, copied } of followers) {
      if (member !== master) logs[member] = followed(at(logs, member), opened, copied)
    }
  }
  return logs
}

/** The log of a slave that was cut to the consistent point and then copied some of the master's. */
function followed(slave: Log, master: Log, copied: number): Log {
  const from = consistentPoint(slave, master) ?? offset(0)
  const to = Math.min(from + copied, master.maxOffset)
  let history = slave.history.truncate(from)
  for (const each of master.history.entries) {
    const isCopied = each.start < to && master.history.endOf(each, master.maxOffset) > from
    if (isCopied) history = history.append(each)
  }
  return logOf(history, [...slave.bytes.slice(0, from), ...master.bytes.slice(from, to)])
}

function logOf(history: EpochHistory, bytes: readonly number[]): Log {
  return { history, bytes, maxOffset: offset(bytes.length) }
}

function at(logs: readonly Log[], index: number): Log {
  return logs[index] ?? logOf(EpochHistory.empty, [])
}

function lineage(max: number, ...pairs: readonly (readonly number[])[]): Lineage {
  return { history: historyOf(...pairs), maxOffset: offset(max) }
}

function historyOf(...pairs: readonly (readonly number[])[]): EpochHistory {
  return EpochHistory.of(pairs.map(([epoch = 0, start = 0]) => entry(epoch, start)))
}

function entry(epoch: number, start: number) {
  return { epoch, start: offset(start) }
}

function pairsOf({ entries }: EpochHistory): number[][] {
  return entries.map(({ epoch, start }) => [epoch, start])
}

function offset(value: number) {
  return commitLogOffset(value)
}
