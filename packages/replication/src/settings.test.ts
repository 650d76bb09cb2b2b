import { describe, expect, test } from 'vitest'
import { defaultSettings, mistakesIn } from './settings.ts'

describe('the settings of replication', () => {
  test('are without mistake as they come', () => {
    expect(mistakesIn(defaultSettings)).toEqual([])
  })

  // On a broken link between a healthy master and one slave, the slave would depose the master.
  test.each([
    [{ memberSilentMs: 700 }],
    [{ silenceMs: 1_000 }],
    [{ peerLeaseMs: 1_200 }],
    [{ minInSync: 4 }],
    [{ minInSync: 0 }],
  ])('have a mistake with %j', (changes) => {
    expect(mistakesIn({ ...defaultSettings, ...changes }).length).toBeGreaterThan(0)
  })
})
