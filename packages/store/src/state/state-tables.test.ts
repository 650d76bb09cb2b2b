import type { StateChange } from '@cometmq/protocol'
import type { KeyValueStore } from '@cometmq/runtime'
import { SimulatedDisk } from '@cometmq/simulation'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StateTables } from './state-tables.ts'

type Step =
  | { readonly kind: 'change'; readonly change: StateChange }
  | { readonly kind: 'freeze' }
  | { readonly kind: 'written' }

const key = fc.uint8Array({ minLength: 1, maxLength: 2 }).map((bytes) => Buffer.from(bytes))
const table = fc.constantFrom('topics', 'topics2', 'groups')
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc
      .record({ table, key, value: key })
      .map((row) => ({ kind: 'change' as const, change: { kind: 'put' as const, ...row } })),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({ table, key })
      .map((row) => ({ kind: 'change' as const, change: { kind: 'delete' as const, ...row } })),
  },
  {
    weight: 2,
    arbitrary: fc.record({ table, from: key, to: key }).map((row) => ({
      kind: 'change' as const,
      change: { kind: 'delete-range' as const, ...row },
    })),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'freeze' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'written' as const }) },
)

describe('state tables', () => {
  // Rows lie in up to three layers: a row that shines through from a lower one is a change undone.
  test('answer as one sorted map does, wherever checkpoints fall', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.record({
          from: key,
          to: key,
          reverse: fc.boolean(),
          limit: fc.integer({ min: 1, max: 9 }),
        }),
        async (steps, range) => {
          const level = await new SimulatedDisk().keyValueStores.open('/level')
          const tables = await StateTables.open(level)
          const model = new Map<string, Map<string, string>>()
          let frozen: ReturnType<StateTables['freeze']> | undefined
          for (const one of steps) {
            if (one.kind === 'change') {
              tables.apply(one.change)
              applyToModel(model, one.change)
            } else if (one.kind === 'freeze') frozen ??= tables.freeze()
            else if (frozen !== undefined) {
              await level.apply(await frozen.operations())
              frozen.done()
              frozen = undefined
            }
          }

          for (const name of ['topics', 'topics2', 'groups']) {
            const rows = [...(model.get(name) ?? new Map<string, string>())].toSorted(([a], [b]) =>
              a < b ? -1 : 1,
            )
            expect(await entriesOf(tables, name)).toEqual(rows)
            const [from, to] = [range.from.toString('latin1'), range.to.toString('latin1')]
            const inRange = rows.filter(([k]) => k >= from && k < to)
            const wanted = (range.reverse ? inRange.toReversed() : inRange).slice(0, range.limit)
            expect(await entriesOf(tables, name, range)).toEqual(wanted)
            for (const [k, value] of rows) {
              expect(tables.table(name).get(Buffer.from(k, 'latin1'))?.toString('latin1')).toBe(
                value,
              )
            }
          }
        },
      ),
    )
  })

  test('know the names of tables that only level holds', async () => {
    const level: KeyValueStore = await new SimulatedDisk().keyValueStores.open('/level')
    const tables = await StateTables.open(level)
    for (const name of ['topics', 'groups', 'group']) {
      tables.apply({ kind: 'put', table: name, key: Buffer.from('k'), value: Buffer.from('v') })
    }
    const frozen = tables.freeze()
    await level.apply(await frozen.operations())

    const reopened = await StateTables.open(level)

    expect([...reopened.names].toSorted()).toEqual(['group', 'groups', 'topics'])
  })
})

async function entriesOf(
  tables: StateTables,
  name: string,
  range?: { from: Buffer; to: Buffer; reverse: boolean; limit: number },
): Promise<[string, string][]> {
  const rows: [string, string][] = []
  for await (const [k, value] of tables.table(name).entries(range)) {
    rows.push([k.toString('latin1'), value.toString('latin1')])
  }
  return rows
}

function applyToModel(model: Map<string, Map<string, string>>, change: StateChange): void {
  const rows = model.get(change.table) ?? new Map<string, string>()
  model.set(change.table, rows)
  if (change.kind === 'put')
    rows.set(change.key.toString('latin1'), change.value.toString('latin1'))
  else if (change.kind === 'delete') rows.delete(change.key.toString('latin1'))
  else {
    const [from, to] = [change.from.toString('latin1'), change.to.toString('latin1')]
    for (const k of rows.keys()) if (k >= from && k < to) rows.delete(k)
  }
}
