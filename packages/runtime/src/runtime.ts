import type { Clock } from './clock.ts'
import type { FileSystem } from './file-system.ts'
import type { KeyValueStores } from './key-value-store.ts'
import type { Logger } from './logger.ts'
import type { Random } from './random.ts'
import type { Transport } from './transport.ts'

/** The ports a process is given: all it has of the world. */
export interface Runtime {
  readonly clock: Clock
  readonly random: Random
  readonly files: FileSystem
  readonly keyValueStores: KeyValueStores
  readonly transport: Transport
  readonly log: Logger
}
