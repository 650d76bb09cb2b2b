import { CometError, commitLogOffset } from '@cometmq/protocol'
import { VirtualClock } from '@cometmq/simulation'
import { expect, test } from 'vitest'
import { RawAppends } from './raw-appends.ts'

const RECORD_BYTES = 100
const EVERY_MS = 10

test('what was copied while there was no space is appended in order, once there is some', async () => {
  const slave = new Slave({ hasSpace: false })
  void slave.copy()
  void slave.copy()
  await slave.clock.advance(1_000)
  expect(slave.end).toBe(0)

  slave.hasSpace = true
  await slave.clock.advance(250)

  expect(slave.end).toBe(2 * RECORD_BYTES)
})

// Each append waited a fixed time for the one before it, under steady load for good: a slave whose disk
// had once been full never was as far as its master again.
test('a slave that has space again is soon as far as its master, however much comes meanwhile', async () => {
  const slave = new Slave({ hasSpace: false })
  await slave.copyFor(300)
  slave.hasSpace = true
  await slave.copyFor(500)

  void slave.copy()
  await slave.clock.advance(0)

  expect(slave.end).toBe(slave.copied)
})

test('what does not fit the end of the log is an error, also where nothing comes before it', async () => {
  const slave = new Slave({ hasSpace: true })
  slave.copied = 5 * RECORD_BYTES

  await expect(slave.copy()).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
})

test('after one that failed, what comes next fails with it', async () => {
  const slave = new Slave({ hasSpace: true })
  slave.failure = new CometError('CHECKSUM_MISMATCH', 'the bytes were changed')
  const failed = slave.copy()
  slave.failure = undefined
  const next = slave.copy()

  await expect(failed).rejects.toMatchObject({ code: 'CHECKSUM_MISMATCH' })
  await expect(next).rejects.toMatchObject({ code: 'CHECKSUM_MISMATCH' })
})

test('nothing waits for space after the end', async () => {
  const slave = new Slave({ hasSpace: false })
  const waiting = slave.copy()
  await slave.clock.advance(0)

  slave.closed.abort()

  await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' })
})

/** A log that refuses as the store's does: what has no space, and what does not begin at its end. */
class Slave {
  readonly clock = new VirtualClock()
  readonly closed = new AbortController()
  hasSpace: boolean
  failure: CometError | undefined
  end = 0
  copied = 0
  readonly #appends: RawAppends

  constructor({ hasSpace }: { readonly hasSpace: boolean }) {
    this.hasSpace = hasSpace
    const appendRaw = async (offset: number, bytes: Buffer): Promise<void> => {
      if (this.failure !== undefined) throw this.failure
      if (!this.hasSpace) throw new CometError('DISK_FULL', 'no space is left')
      await Promise.resolve()
      if (offset !== this.end) throw new CometError('OFFSET_OUT_OF_RANGE', 'the log ends elsewhere')
      this.end += bytes.length
    }
    const { clock } = this
    this.#appends = new RawAppends({ log: { appendRaw }, clock, signal: this.closed.signal })
  }

  /** What its master has written next comes. */
  copy(): Promise<void> {
    const offset = commitLogOffset(this.copied)
    this.copied += RECORD_BYTES
    const done = this.#appends.append({
      kind: 'append-raw',
      offset,
      wroteIt: { epoch: 1, start: commitLogOffset(0) },
      records: Buffer.alloc(RECORD_BYTES),
    })
    done.catch(() => {})
    return done
  }

  async copyFor(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += EVERY_MS) {
      void this.copy()
      await this.clock.advance(EVERY_MS)
    }
  }
}
