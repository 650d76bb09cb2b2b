import { readFileSync } from 'node:fs'
import { errorTable } from '@cometmq/protocol'
import { expect, test } from 'vitest'

const frozen = new Map(
  readFileSync(new URL('frozen/error-ids.txt', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' ') as [id: string, code: string]),
)

// An id is what older peers know an error by. One that changes its meaning makes them do the wrong
// thing; so ids are only added, here as well, and a retired one keeps its line as "3 retired".
test('every error id still means what it meant', () => {
  const now = Object.entries(errorTable).map(([code, { id }]) => [String(id), code] as const)

  expect(now).toEqual([...frozen].filter(([, code]) => code !== 'retired'))
})
