// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

export const TransactionResolution = {
  TRANSACTION_RESOLUTION_UNSPECIFIED: 'TRANSACTION_RESOLUTION_UNSPECIFIED',
  COMMIT: 'COMMIT',
  ROLLBACK: 'ROLLBACK',
} as const;

export type TransactionResolution__Input =
  | 'TRANSACTION_RESOLUTION_UNSPECIFIED'
  | 0
  | 'COMMIT'
  | 1
  | 'ROLLBACK'
  | 2

export type TransactionResolution = typeof TransactionResolution[keyof typeof TransactionResolution]
