import { VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { Alarm } from './alarm.ts'

class Scene {
  readonly clock = new VirtualClock()
  readonly rungAtMs: number[] = []
  readonly startMs = this.clock.elapsedMs()
  onRing = (): void => {}
  readonly alarm = new Alarm(this.clock, () => {
    this.rungAtMs.push(this.clock.elapsedMs() - this.startMs)
    this.onRing()
  })

  set(inMs: number): void {
    this.alarm.set(this.startMs + inMs)
  }
}

describe('Alarm', () => {
  // A timer for each lease would be a timer for each delivery.
  test('rings once, at the soonest moment that it was set to', async () => {
    const scene = new Scene()

    for (const inMs of [500, 200, 300]) scene.set(inMs)
    await scene.clock.advance(1_000)

    expect(scene.rungAtMs).toEqual([200])
  })

  // Whoever swept sets it to what is left, also from within the sweep.
  test('can be set again as soon as it rings', async () => {
    const scene = new Scene()
    scene.onRing = () => {
      if (scene.rungAtMs.length === 1) scene.set(700)
    }

    scene.set(200)
    await scene.clock.advance(1_000)

    expect(scene.rungAtMs).toEqual([200, 700])
  })

  // What is due already would be swept in each turn of the event loop.
  test('rings a little later when its moment has passed', async () => {
    const scene = new Scene()
    await scene.clock.advance(100)

    for (const inMs of [0, 50, 99]) scene.set(inMs)
    await scene.clock.advance(1_000)

    expect(scene.rungAtMs).toEqual([105])
  })

  // A sweep of a closed engine would find its store closed.
  test('does not ring once it is stopped', async () => {
    const scene = new Scene()
    scene.set(200)

    scene.alarm.stop()
    scene.set(100)
    await scene.clock.advance(1_000)

    expect(scene.rungAtMs).toEqual([])
  })
})
