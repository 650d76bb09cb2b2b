// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

export const TransactionSource = {
  SOURCE_UNSPECIFIED: 'SOURCE_UNSPECIFIED',
  SOURCE_CLIENT: 'SOURCE_CLIENT',
  SOURCE_SERVER_CHECK: 'SOURCE_SERVER_CHECK',
} as const;

export type TransactionSource__Input =
  | 'SOURCE_UNSPECIFIED'
  | 0
  | 'SOURCE_CLIENT'
  | 1
  | 'SOURCE_SERVER_CHECK'
  | 2

export type TransactionSource = typeof TransactionSource[keyof typeof TransactionSource]
