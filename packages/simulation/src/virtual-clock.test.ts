import { describe, expect, test } from 'vitest'
import { describeClock } from './contracts/index.ts'
import { VirtualClock } from './virtual-clock.ts'

describe('VirtualClock', () => {
  describeClock(() => {
    const clock = new VirtualClock()
    return Promise.resolve({
      port: clock,
      run: (check) => clock.runUntil(check(), { limitMs: 60_000 }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    })
  })

  test('fires timers in the order of their time, those of one moment as scheduled', async () => {
    const clock = new VirtualClock()
    const fired: string[] = []
    clock.schedule(20, () => fired.push('late'))
    clock.schedule(10, () => fired.push('first at 10'))
    clock.schedule(10, () => fired.push('second at 10'))

    await clock.advance(15)

    expect(fired).toEqual(['first at 10', 'second at 10'])
    expect(clock.elapsedMs()).toBe(15)
  })

  // A promise that waits for another must not see time pass in between, or equal runs would differ
  // by how deep the code nests its promises.
  test('settles every promise before the next timer fires', async () => {
    const clock = new VirtualClock()
    const seen: number[] = []
    const deep = async (): Promise<void> => {
      await clock.sleep(10)
      for (let step = 0; step < 1_000; step += 1) await Promise.resolve()
      seen.push(clock.elapsedMs())
    }
    void deep()
    clock.schedule(11, () => seen.push(clock.elapsedMs()))

    await clock.advance(100)

    expect(seen).toEqual([10, 11])
  })

  test('runs until a promise settles, and no further', async () => {
    const clock = new VirtualClock()
    clock.schedule(500, () => {
      throw new Error('this timer is not waited for')
    })

    const answer = await clock.runUntil(
      clock.sleep(250).then(() => 'done'),
      { limitMs: 1_000 },
    )

    expect(answer).toBe('done')
    expect(clock.elapsedMs()).toBe(250)
  })

  test('runs until a condition holds', async () => {
    const clock = new VirtualClock()
    let beats = 0
    const beat = (): void => {
      beats += 1
      clock.schedule(100, beat)
    }
    beat()

    await clock.runUntil(() => beats === 5, { limitMs: 1_000 })

    expect(clock.elapsedMs()).toBe(400)
  })

  test('rejects as the promise does', async () => {
    const clock = new VirtualClock()
    const failing = clock.sleep(1).then(() => Promise.reject(new Error('why')))

    await expect(clock.runUntil(failing, { limitMs: 10 })).rejects.toThrow('why')
  })

  // Without these three a mistake in a test shows as a run that hangs.
  test('says so when the limit has passed', async () => {
    const clock = new VirtualClock()

    const waiting = clock.runUntil(clock.sleep(2_000), { limitMs: 1_000 })

    await expect(waiting).rejects.toThrow('still waiting after 1000 ms of virtual time')
  })

  test('says so when nothing is left that could happen', async () => {
    const clock = new VirtualClock()

    const waiting = clock.runUntil(new Promise(() => {}), { limitMs: 1_000 })

    await expect(waiting).rejects.toThrow('nothing is left to happen')
  })

  test('says so when a loop lets no time pass', async () => {
    const clock = new VirtualClock()
    const spin = (): void => {
      clock.schedule(0, spin)
    }
    spin()

    await expect(clock.advance(1)).rejects.toThrow('time stands still')
  })

  // A wall clock that is set back must not make timeouts longer.
  test('jumps its wall clock without moving elapsed time or timers', async () => {
    const clock = new VirtualClock({ nowMs: 1_000_000 })
    let fired = false
    clock.schedule(50, () => {
      fired = true
    })

    clock.jump(-3_600_000)
    await clock.advance(50)

    expect(clock.nowMs()).toBe(1_000_000 - 3_600_000 + 50)
    expect(clock.elapsedMs()).toBe(50)
    expect(fired).toBe(true)
  })

  // Most timers are timeouts that never pass; they must neither fire nor pile up.
  test('forgets cancelled timers, in whatever order they go', async () => {
    const clock = new VirtualClock()
    let fired = 0
    const timers = Array.from({ length: 10_000 }, (_, index) =>
      clock.schedule(1 + ((index * 7_919) % 1_000), () => {
        fired += 1
      }),
    )

    for (const [index, timer] of timers.entries()) if (index % 10 !== 0) timer.cancel()
    await clock.advance(1_001)

    expect(fired).toBe(1_000)
  })
})
