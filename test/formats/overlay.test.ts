import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  decodeOverlay,
  encodeOverlayChanges,
  encodeOverlayId,
  putPosition,
  putProgress,
} from '@cometmq/broker/rows'
import { expect, test } from 'vitest'
import { bytesOfDump, dumpBytes } from './dump.ts'

/**
 * What a slave keeps of what it was told while it stood in for its master, as the first version wrote
 * it. It is there until a master has merged it, however many versions later.
 */

const ID = { storeId: 'b7c0', number: 3 }
const QUEUE = { topic: 'orders', queueId: 5 }
const CHANGES = [
  putProgress('billing', QUEUE, { doneBelow: 7, done: [], attempted: [] }),
  putPosition({ name: 'mine', ...QUEUE }, 77),
  { kind: 'delete' as const, table: 'retries', key: Buffer.from('a retry') },
]

const place = fileURLToPath(new URL('frozen/overlay.txt', import.meta.url))

test('an overlay is what this version writes', async () => {
  const bytes = Buffer.concat([
    encodeOverlayId(ID),
    encodeOverlayChanges(CHANGES.slice(0, 2)),
    encodeOverlayChanges(CHANGES.slice(2)),
  ])

  await expect(dumpBytes(bytes)).toMatchFileSnapshot(place)
})

test('an overlay as it was frozen still means the same', () => {
  const bytes = bytesOfDump(readFileSync(place, 'utf8'))

  expect(decodeOverlay(bytes, 'overlay')).toEqual({
    id: ID,
    changes: CHANGES,
    bytes: bytes.length,
  })
})
