import { commitLogOffset, type MasterFrame } from '@cometmq/protocol'
import type { LiveBytes, LogRange } from '@cometmq/store'
import { describe, expect, test } from 'vitest'
import { LiveRing } from './live-ring.ts'
import { SlaveFeed } from './slave-feed.ts'

type Data = Extract<MasterFrame['message'], { kind: 'data' }>

const KIB = 1024

describe('the feed of a slave', () => {
  test('sends what is written from the ring, in the moment it is written', () => {
    const scene = new Scene(0)

    scene.write(100)
    scene.write(50)

    expect(scene.sent).toEqual([
      [0, 100],
      [100, 150],
    ])
    expect(scene.pushed).toBe(150)
    expect(scene.reads).toBe(0)
  })

  test('reads what the ring does not have any more from the disk, and goes on live', async () => {
    const scene = new Scene(300)

    scene.feed.pump()
    await scene.settle()
    scene.write(10)

    expect(scene.sent).toEqual([
      [0, 300],
      [300, 310],
    ])
  })

  // Else one that had to catch up would read from the disk for ever, and stay a little behind.
  test('finds back to the ring from the middle of what was written at once', async () => {
    const scene = new Scene(200 * KIB)
    scene.feed.pump()
    scene.write(100 * KIB)
    scene.write(100 * KIB)
    await scene.settle()

    expect(scene.sent).toEqual([
      [0, 200 * KIB],
      [200 * KIB, 300 * KIB],
      [300 * KIB, 400 * KIB],
    ])
    expect(scene.reads).toBe(1)
  })

  test('reads what was written at once and is large in pieces', async () => {
    const scene = new Scene(0)

    scene.write(600 * KIB)
    await scene.settle()

    expect(scene.sent.map(([from]) => from)).toEqual([0, 256 * KIB, 512 * KIB])
  })

  // A slave whose disk stalls must cost its own time, and not the memory of its master.
  test('sends no more than may be in flight before the slave has received some', () => {
    const scene = new Scene(0, { maxInFlightBytes: 200 })
    for (let i = 0; i < 5; i++) scene.write(100)
    expect(scene.pushed).toBe(200)

    scene.feed.received(100)

    expect(scene.pushed).toBe(300)
  })

  test('waits for a connection that takes no more', async () => {
    const scene = new Scene(0)
    const ready = scene.block()
    scene.write(100)
    scene.write(100)
    expect(scene.pushed).toBe(100)

    ready()
    await scene.settle()

    expect(scene.pushed).toBe(200)
  })

  test('says that it has failed when the log does not have what comes next', async () => {
    const scene = new Scene(100)
    scene.lose()

    scene.feed.pump()
    await scene.settle()

    expect(scene.hasFailed).toBe(true)
  })

  test('sends nothing any more when it is closed', () => {
    const scene = new Scene(0)
    scene.feed.close()

    scene.write(100)

    expect(scene.sent).toEqual([])
  })
})

/** A log of zeros. */
class Scene {
  readonly sent: [number, number][] = []
  readonly feed: SlaveFeed
  pushed = 0
  reads = 0
  hasFailed = false
  readonly #ring = new LiveRing(4 * KIB * KIB)
  #max: number
  #isLost = false
  #blocked: Promise<void> | undefined

  constructor(max: number, { maxInFlightBytes = 8 * KIB * KIB } = {}) {
    this.#max = max
    this.feed = new SlaveFeed(
      {
        log: this.#log(),
        ring: this.#ring,
        maxInFlightBytes,
        send: (data) => this.#send(data),
        ready: () => this.#blocked ?? Promise.resolve(),
        pushed: (to) => {
          this.pushed = to
        },
        failed: () => {
          this.hasFailed = true
        },
      },
      0,
    )
  }

  write(bytes: number): void {
    const [from, to] = [this.#max, this.#max + bytes]
    this.#max = to
    this.#ring.add(rangeOf(from, to))
    this.feed.pump()
  }

  block(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#blocked = promise
    return () => {
      this.#blocked = undefined
      resolve()
    }
  }

  lose(): void {
    this.#isLost = true
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) await Promise.resolve()
  }

  #send({ offset, records }: Data): boolean {
    this.sent.push([offset, offset + records.length])
    return this.#blocked === undefined
  }

  #log() {
    const max = (): number => this.#max
    return {
      get offsets() {
        const at = commitLogOffset(max())
        return { min: commitLogOffset(0), max: at, flushed: at, confirm: at }
      },
      readRange: async (from: number, maxBytes: number): Promise<LogRange | undefined> => {
        this.reads++
        if (this.#isLost) throw new Error('deleted')
        const to = Math.min(max(), from + maxBytes)
        const [bytes = Buffer.alloc(0)] = rangeOf(from, to).buffers
        return { ...rangeOf(from, to), bytes }
      },
    }
  }
}

function rangeOf(from: number, to: number): LiveBytes {
  return {
    from: commitLogOffset(from),
    to: commitLogOffset(to),
    epoch: 1,
    epochStart: commitLogOffset(0),
    buffers: [Buffer.alloc(to - from)],
  }
}
