import { expect, test } from 'vitest'
import { type Counts, statsView } from './topic-stats.ts'

const plain = { colour: false }

test('a first look knows no speed', () => {
  const view = statsView(counts(1_000, 500), undefined)

  expect(view.lines(plain)[1]).toMatch(/^orders {2,}400 +500 +- /)
  expect(view.document).toEqual({
    topics: [{ topic: 'orders', stored: 500, kept: 400, lastStoreTimeMs: 1 }],
  })
})

test('the next look tells the speed since the one before', () => {
  const view = statsView(counts(3_000, 600), counts(1_000, 500))

  expect(view.document).toMatchObject({ topics: [{ perSecond: 50 }] })
})

// A topic that was deleted and made again counts from 0; a negative speed would be nonsense.
test('a topic that counts anew has no speed', () => {
  const view = statsView(counts(3_000, 20), counts(1_000, 500))

  expect(view.document).toEqual({
    topics: [{ topic: 'orders', stored: 20, kept: 400, lastStoreTimeMs: 1 }],
  })
})

function counts(atMs: number, stored: number): Counts {
  return { atMs, topics: new Map([['orders', { stored, kept: 400, lastStoreTimeMs: 1 }]]) }
}
