// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

export const QueryOffsetPolicy = {
  BEGINNING: 'BEGINNING',
  END: 'END',
  TIMESTAMP: 'TIMESTAMP',
} as const;

export type QueryOffsetPolicy__Input =
  | 'BEGINNING'
  | 0
  | 'END'
  | 1
  | 'TIMESTAMP'
  | 2

export type QueryOffsetPolicy = typeof QueryOffsetPolicy[keyof typeof QueryOffsetPolicy]
