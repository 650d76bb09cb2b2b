import type { Random } from '@cometmq/runtime'
import { expect } from 'vitest'
import { type Subject, testWith } from './subject.ts'

/** What every `Random` promises. */
export function describeRandom(open: () => Promise<Subject<Random>>): void {
  const check = testWith(open)

  check('draws fractions in [0, 1), spread over all of it', ({ port }) => {
    const drawn = Array.from({ length: 10_000 }, () => port.fraction())

    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0)
    expect(Math.min(...drawn)).toBeLessThan(0.01)
    expect(Math.max(...drawn)).toBeLessThan(1)
    expect(Math.max(...drawn)).toBeGreaterThan(0.99)
    return Promise.resolve()
  })

  check('makes hexadecimal ids that do not repeat', ({ port }) => {
    const ids = new Set(Array.from({ length: 1_000 }, () => port.hex(16)))

    expect(ids.size).toBe(1_000)
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/)
    expect(port.hex(0)).toBe('')
    return Promise.resolve()
  })
}
