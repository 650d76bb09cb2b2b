import { SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { groupOf, openStoreOn } from '../testing/scenario.ts'

const LIMIT = { limitMs: 60_000 }
const SEGMENT = '/data/log/00000000000000000000'

describe('the scrub', () => {
  test('finds damage that nobody reads, within one round', async () => {
    const { store, disk, clock, told } = await storeOf({ scrubBytesPerSecond: 1024 })
    disk.flipBit(SEGMENT, { at: 2000 })
    const rounds = store.log.offsets.max / 1024

    await clock.advance(1000 * (rounds + 3))

    expect(told).toHaveLength(1)
    expect(told[0]).toBeLessThanOrEqual(2000)
    expect(store.status.damage).toMatchObject({ foundRecords: 1, damagedRecords: 1 })
  })

  // It shares the disk with producers and consumers, for as long as the broker runs.
  test('reads no more than its share, again and again', async () => {
    const { store, clock } = await storeOf({ scrubBytesPerSecond: 1024 })
    const before = store.status.damage.scrubbedBytes

    await clock.advance(60_000)

    const { scrubbedBytes } = store.status.damage
    expect(scrubbedBytes - before).toBeLessThanOrEqual(61 * 1024)
    expect(scrubbedBytes).toBeGreaterThan(3 * store.log.offsets.max)
  })

  test('sees what is damaged after it came by', async () => {
    const { store, disk, clock, told } = await storeOf({ scrubBytesPerSecond: 4096 })
    await clock.advance(10_000)
    expect(store.status.damage.scrubbedBytes).toBeGreaterThan(store.log.offsets.max)

    disk.flipBit(SEGMENT, { at: 500 })
    await clock.advance(10_000)

    expect(told).toHaveLength(1)
  })

  // Whoever runs after the end of a log that grows all the time never comes back to its begin.
  test('begins anew while the log grows', async () => {
    const { store, disk, clock, told } = await storeOf({ scrubBytesPerSecond: 4096 })
    await clock.advance(5_000)
    disk.flipBit(SEGMENT, { at: 2000 })

    for (let second = 0; second < 20 && told.length === 0; second++) {
      await clock.runUntil(store.append(groupOf({ bodies: ['x'.repeat(500)] })), LIMIT)
      await clock.advance(1_000)
    }

    expect(told).toHaveLength(1)
  })

  // A record as long as many shares must not make the disk do nothing else.
  test('waits after a record that is longer than its share', async () => {
    const { store, clock } = await storeOf({ scrubBytesPerSecond: 16 })

    await clock.advance(100_000)

    expect(store.status.damage.scrubbedBytes).toBeGreaterThan(200)
    expect(store.status.damage.scrubbedBytes).toBeLessThan(100 * 16 + 200)
  })

  test('does nothing when it is turned off, or the store is closed', async () => {
    const { store, clock } = await storeOf({ scrubBytesPerSecond: 0 })
    const { store: other, clock: otherClock } = await storeOf({ scrubBytesPerSecond: 1024 })
    await otherClock.runUntil(other.close(), LIMIT)
    const { scrubbedBytes } = other.status.damage

    await clock.advance(60_000)
    await otherClock.advance(60_000)

    expect(store.status.damage.scrubbedBytes).toBe(0)
    expect(other.status.damage.scrubbedBytes).toBe(scrubbedBytes)
  })
})

/** A broker alone, with a log of three segments. */
async function storeOf(changes: { readonly scrubBytesPerSecond: number }) {
  const clock = new VirtualClock()
  const disk = new SimulatedDisk()
  const store = await clock.runUntil(openStoreOn(disk, clock, changes), LIMIT)
  for (let n = 0; n < 60; n++) {
    await clock.runUntil(store.append(groupOf({ bodies: [`message ${n}`] })), LIMIT)
  }
  const told: number[] = []
  store.log.onDamaged((at) => told.push(at))
  return { store, disk, clock, told }
}
