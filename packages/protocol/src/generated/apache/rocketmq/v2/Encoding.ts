// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

export const Encoding = {
  ENCODING_UNSPECIFIED: 'ENCODING_UNSPECIFIED',
  IDENTITY: 'IDENTITY',
  GZIP: 'GZIP',
} as const;

export type Encoding__Input =
  | 'ENCODING_UNSPECIFIED'
  | 0
  | 'IDENTITY'
  | 1
  | 'GZIP'
  | 2

export type Encoding = typeof Encoding[keyof typeof Encoding]
