import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

/** What decides about acknowledging, confirming, cutting and electing. */
const timeless = [
  'packages/protocol/src/epoch-history.ts',
  'packages/replication/src/confirm-offset.ts',
  'packages/replication/src/eligibility.ts',
  'packages/replication/src/in-sync-set.ts',
  'packages/replication/src/log-state.ts',
  'packages/replication/src/rules.ts',
]

const root = fileURLToPath(new URL('../..', import.meta.url))

describe('the rules of replication', () => {
  // A clock that jumps, or a process that slept, must cost seconds and never a message. So no rule
  // takes a time, and none reaches a file that does.
  test.each(timeless)('know of no time in %s', (file) => {
    const source = readFileSync(path.join(root, file), 'utf8')
    const imported = [...source.matchAll(/^(?:import|export)\s[^']*'(\.[^']+)'/gm)]
      .filter(([statement]) => !statement.startsWith('import type'))
      .map(([, specifier = '']) => path.join(path.dirname(file), specifier))

    expect(source).not.toMatch(/\w(Ms|Seconds)\b|[eE]lapsed|\b[nN]ow[A-Z(]/)
    expect([...timeless, ...withoutTime]).toEqual(expect.arrayContaining(imported))
  })
})

/** What they may use besides. */
const withoutTime = ['packages/protocol/src/errors.ts', 'packages/protocol/src/offsets.ts']
