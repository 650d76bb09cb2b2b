import type { Clock } from '@cometmq/runtime'
import { expect } from 'vitest'
import { type Subject, testWith } from './subject.ts'

const YEAR_2020_MS = 1_577_836_800_000

/** What every `Clock` promises. */
export function describeClock(open: () => Promise<Subject<Clock>>): void {
  const check = testWith(open)

  // Who waits for a moment and wakes before it does its work twice, or in vain.
  check('fires a timer once, and never early', async ({ port }) => {
    const startMs = port.elapsedMs()
    const firedMs: number[] = []
    for (let count = 0; count < 20; count += 1) {
      port.schedule(5.3, () => firedMs.push(port.elapsedMs()))
    }

    await port.sleep(50)

    expect(firedMs).toHaveLength(20)
    expect(Math.min(...firedMs) - startMs).toBeGreaterThanOrEqual(5.3)
  })

  check('fires timers in the order of their time', async ({ port }) => {
    const fired: string[] = []
    port.schedule(30, () => fired.push('late'))
    port.schedule(10, () => fired.push('early'))
    port.schedule(10, () => fired.push('early, but asked for later'))

    await port.sleep(60)

    expect(fired).toEqual(['early', 'early, but asked for later', 'late'])
  })

  check('fires no timer that was cancelled, also not after it has fired', async ({ port }) => {
    let firedCount = 0
    const count = (): void => {
      firedCount += 1
    }
    const cancelled = port.schedule(5, count)
    const fired = port.schedule(5, count)
    cancelled.cancel()

    await port.sleep(20)
    fired.cancel()

    expect(firedCount).toBe(1)
  })

  check('takes delays beyond what the system does', async ({ port }) => {
    let hasFired = false
    const yearMs = 365 * 24 * 3_600_000
    const timer = port.schedule(yearMs, () => {
      hasFired = true
    })

    await port.sleep(5)

    expect(hasFired).toBe(false)
    timer.cancel()
  })

  check('sleeps until it is cancelled', async ({ port }) => {
    const stop = new AbortController()
    const startMs = port.elapsedMs()
    port.schedule(5, () => stop.abort('enough'))

    const sleeping = port.sleep(60_000, stop.signal)

    await expect(sleeping).rejects.toMatchObject({ code: 'CANCELLED', cause: 'enough' })
    expect(port.elapsedMs() - startMs).toBeLessThan(10_000)
    await expect(port.sleep(60_000, stop.signal)).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  // Loops that yield let others run; a yield that came back first would starve them.
  check('yields to what waits already', async ({ port }) => {
    const order: string[] = []
    const first = port.yieldTurn().then(() => order.push('first'))
    const second = port.yieldTurn().then(() => order.push('second'))
    await Promise.all([first, second])

    expect(order).toEqual(['first', 'second'])
  })

  check('stamps with whole milliseconds since 1970', ({ port }) => {
    const nowMs = port.nowMs()

    expect(Number.isInteger(nowMs)).toBe(true)
    expect(nowMs).toBeGreaterThan(YEAR_2020_MS)
    return Promise.resolve()
  })
}
