import assert from 'node:assert/strict'
import { describe, expect, test } from 'vitest'
import { mutations } from './mutations.ts'
import { firstToShow } from './run-mutation.ts'

/** Those that mostly some dozen seeds show; `npm run simulate -- --mutations` runs all. */
const SOON = [
  'a disconnected member of the set blocks the confirm offset',
  'who joins holds everything confirmed',
  'logs are cut where their histories part',
  'only a member of the set is elected',
  'who sends is answered after the flush',
  'a slave acknowledges what it has flushed',
  'what is derived waits for its confirmation',
  'repeated batches of an earlier reign are known',
]

describe('simulated broker groups', () => {
  // A check that notices nothing would let every world pass.
  test.each(SOON)(
    'break a promise without the one that %s',
    async (name) => {
      const mutation = mutations.find((known) => known.name === name)
      assert(mutation !== undefined)

      const shown = await firstToShow(mutation, { from: 1, count: mutation.seeds })

      expect(shown).toBeDefined()
    },
    120_000,
  )

  // A misspelt name would leave nothing out.
  test('have a rule for each name', () => {
    const ruled = mutations.filter(({ leftOut }) => 'rules' in leftOut)

    expect(ruled).not.toEqual([])
    for (const { leftOut } of ruled) expect(leftOut.rules).toBeDefined()
  })
})
