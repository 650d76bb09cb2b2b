// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

export const FilterType = {
  FILTER_TYPE_UNSPECIFIED: 'FILTER_TYPE_UNSPECIFIED',
  TAG: 'TAG',
  SQL: 'SQL',
} as const;

export type FilterType__Input =
  | 'FILTER_TYPE_UNSPECIFIED'
  | 0
  | 'TAG'
  | 1
  | 'SQL'
  | 2

export type FilterType = typeof FilterType[keyof typeof FilterType]
