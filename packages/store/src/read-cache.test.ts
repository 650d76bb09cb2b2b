import { RecordBatch } from '@cometmq/protocol'
import { expect, test } from 'vitest'
import { TailCache } from './read-cache.ts'
import { batchOf } from './testing/scenario.ts'

// A view of a few bytes keeps the whole frame alive: counted by its own size, a cache of 1 MiB could
// hold on to hundreds.
test('the tail cache counts the frames that its records keep alive', () => {
  const cache = new TailCache(10 * 65_536)
  for (let at = 0; at < 100; at++) {
    const frame = Buffer.alloc(65_536)
    const { bytes } = batchOf()
    bytes.copy(frame)
    cache.add(at, RecordBatch.parse(frame))
  }

  const kept = Array.from({ length: 100 }, (_, at) => at).filter(
    (at) => cache.get(at) !== undefined,
  )

  expect(kept).toEqual([91, 92, 93, 94, 95, 96, 97, 98, 99])
})
