export type {
  AppendedRecord,
  AppendGroup,
  AppendLevel,
  AppendReceipt,
  AppendRecord,
} from './append-group.ts'
export type { RecoveryReport } from './commit-log/recovery.ts'
export {
  type Damage,
  inspectStore,
  type QueueReport,
  type SegmentReport,
  type StoreReport,
  type Verdict,
  verifyStore,
} from './inspect.ts'
export { type DamageStatus, MessageStore, type StoreStatus } from './message-store.ts'
export type { QueueBounds, QueueKey } from './queue-key.ts'
export type { ReadResult } from './read-queue.ts'
export type { Reign } from './replication/epoch-opened.ts'
export type { LiveBytes, LiveListener } from './replication/live-tail.ts'
export type { LogRange } from './replication/log-range.ts'
export type { RawOrigin } from './replication/raw-commit.ts'
export type { LogOffsets, ReplicatedLog } from './replication/replicated-log.ts'
export { StartingOver, type StateOrigin } from './replication/starting-over.ts'
export type { StateRow } from './replication/state-file.ts'
export type { ExportedState } from './replication/state-export.ts'
export type { StateTable, TableRange } from './state/state-tables.ts'
export { deleteQueuesOf, putQueue, QUEUES_TABLE } from './state/store-tables.ts'
export {
  type RetentionConfig,
  type StoreConfig,
  storeConfig,
  type StoreRuntime,
} from './store-config.ts'
export type {
  AppendedBatch,
  BeforeDelete,
  StoreListener,
  Unsubscribe,
} from './store-listener.ts'
