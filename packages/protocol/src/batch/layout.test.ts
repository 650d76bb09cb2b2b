import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { attributes, FORMAT_VERSION, HEADER_BYTES, layout, MAGIC, recordKinds } from './layout.ts'

const place = new URL('../../../../docs/formats/record-batch.md', import.meta.url)
const document = readFileSync(place, 'utf8')

describe('docs/formats/record-batch.md', () => {
  // Whoever writes a reader in another language has only the document.
  test('has every field where the code has it, without a gap', () => {
    const rows = [...document.matchAll(/^\| (\d+) \|(?: (\d+))? \| `(\w+)` \|/gm)].map(
      ([, at, bytes, field]) => ({ at: Number(at), bytes: Number(bytes ?? 0), field }),
    )

    expect(Object.fromEntries(rows.map(({ at, field }) => [field, at]))).toEqual(layout)
    let end = 0
    for (const { at, bytes } of rows) {
      expect(at).toBe(end)
      end = at + bytes
    }
    expect(end).toBe(HEADER_BYTES)
  })

  test('names the same magic, version and kinds', () => {
    const magic = Buffer.alloc(4)
    magic.writeUInt32LE(MAGIC)
    const kinds = Object.entries(recordKinds).map(([kind, id]) => `${id} ${kind}`)

    expect(document).toContain(`| \`magic\` | \`${magic.toString('latin1')}\` |`)
    expect(document).toContain(`| \`version\` | ${FORMAT_VERSION} |`)
    expect(document).toContain(`| \`kind\` | ${kinds.join(', ')} |`)
  })

  test('names the same attributes', () => {
    expect(document).toContain(`| \`continues\` | ${Math.log2(attributes.continues)} |`)
    expect(document).toContain(`| \`brokerMade\` | ${Math.log2(attributes.brokerMade)} |`)
    expect(attributes.compressionMask).toBe(0b11)
  })
})
