import { randomBytes } from 'node:crypto'
import type { Random } from '../random.ts'

/** The machine's own chance. Ids come from its cryptographic source, fractions do not. */
export const systemRandom: Random = {
  fraction: () => Math.random(),
  hex: (byteLength) => randomBytes(byteLength).toString('hex'),
}
