import { SimulatedDisk } from '@cometmq/simulation'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { baseOf, endOf, logOffsetOf } from './index-block.ts'
import { QueueIndexes } from './queue-indexes.ts'

interface Entry {
  readonly base: number
  readonly to: number
  readonly logOffset: number
  readonly storeTimeMs: number
}

type Step =
  | { readonly kind: 'append'; readonly queueId: number; readonly messages: number }
  | { readonly kind: 'checkpoint' | 'reopen' | 'trim' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      queueId: fc.nat({ max: 2 }),
      messages: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'checkpoint' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'trim' as const }) },
)

describe('queue indexes', () => {
  // An offset that is found in the wrong batch, or not at all, is a message lost for its consumers.
  test('find every offset, wherever checkpoints, restarts and retention fall', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 400, size: 'max' }), async (steps) => {
        const rows = await new SimulatedDisk().keyValueStores.open('/level')
        const model = new Map<number, Entry[]>()
        let indexes = await QueueIndexes.open(rows)
        let logOffset = 0
        for (const one of steps) {
          if (one.kind === 'append') {
            const index = indexes.getOrMake('t', one.queueId)
            const base = index.nextOffset
            const entry = { base, to: base + one.messages, logOffset, storeTimeMs: logOffset * 3 }
            index.append({ ...entry, bytes: 200 })
            indexes.changed(index)
            model.set(one.queueId, [...(model.get(one.queueId) ?? []), entry])
            logOffset += 200
          } else if (one.kind === 'trim') {
            const minLogOffset = Math.floor(logOffset / 2)
            await indexes.trim(minLogOffset, async () => {})
            for (const [queueId, entries] of model) {
              model.set(
                queueId,
                entries.filter((entry) => entry.logOffset >= minLogOffset),
              )
            }
          } else {
            const frozen = indexes.freeze()
            await rows.apply(await frozen.operations())
            frozen.done()
            if (one.kind === 'reopen') indexes = await QueueIndexes.open(rows)
          }
        }

        for (const [queueId, entries] of model) {
          const index = indexes.getOrMake('t', queueId)
          expect(index.minOffset).toBe(entries[0]?.base ?? index.nextOffset)
          for (const entry of entries) {
            for (const offset of [entry.base, entry.to - 1]) {
              expect(await placeOf(indexes, queueId, offset)).toEqual([
                entry.base,
                entry.to,
                entry.logOffset,
              ])
            }
            const offset = await indexes.offsetAtTime(index, entry.storeTimeMs - 1)
            expect(offset).toBe(entry.base)
          }
          expect(await indexes.find(index, index.nextOffset)).toBeUndefined()
        }
      }),
      { numRuns: 60 },
    )
  })

  // A queue that is slow must not cost a row for each of its batches.
  test('fill blocks over many checkpoints', async () => {
    const rows = await new SimulatedDisk().keyValueStores.open('/level')
    const indexes = await QueueIndexes.open(rows)
    const index = indexes.getOrMake('t', 0)
    for (let base = 0; base < 600; base++) {
      index.append({ base, to: base + 1, logOffset: base * 200, bytes: 200, storeTimeMs: 0 })
      indexes.changed(index)
      const frozen = indexes.freeze()
      await rows.apply(await frozen.operations())
      frozen.done()
    }

    let blocks = 0
    const range = { from: Buffer.from('i'), to: Buffer.from('j') }
    for await (const [key] of rows.entries(range)) blocks += key.length > 0 ? 1 : 0
    expect(blocks).toBe(Math.ceil(600 / 128))
    expect(index.memoryEntries).toBeLessThan(128)
  })
})

async function placeOf(indexes: QueueIndexes, queueId: number, offset: number): Promise<number[]> {
  const found = await indexes.find(indexes.getOrMake('t', queueId), offset)
  if (found === undefined) return []
  const { entries, index } = found
  return [baseOf(entries, index), endOf(entries, index), logOffsetOf(entries, index)]
}
