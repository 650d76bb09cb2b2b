/** What brokers keep as rows in their log, as bytes: for tools and tests that have to know them. */
export { clearedBelow, putCleared } from './deliver/dead-letters.ts'
export { decodeProgressRow, type ProgressRow } from './deliver/progress-row.ts'
export { putProgress } from './deliver/queue-progress.ts'
export { decodeRetry, putRetry, type RetryRow } from './deliver/retry-entry.ts'
export { type GroupSubscription, putGroup, putSubscription } from './group-registry.ts'
export { putPosition } from './read/positions.ts'
export { putTopic } from './topic-registry.ts'
