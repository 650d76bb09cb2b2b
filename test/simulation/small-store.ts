import { type StoreConfig, storeConfig } from '@cometmq/store'

const KIB = 1024

/** Everything small, so that segments roll and checkpoints happen within a few hundred messages. */
export function smallStore(): StoreConfig {
  return storeConfig('/data', {
    segmentMaxBytes: 64 * KIB,
    minFreeBytes: 32 * KIB,
    hardFreeBytes: 8 * KIB,
    checkpointIntervalMs: 300,
    checkpointBytes: 32 * KIB,
    tailCacheBytes: 16 * KIB,
    readCacheBytes: 256 * KIB,
  })
}
