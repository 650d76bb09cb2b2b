// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto

export const MessageModel = {
  MESSAGE_MODEL_UNSPECIFIED: 'MESSAGE_MODEL_UNSPECIFIED',
  CLUSTERING: 'CLUSTERING',
  BROADCASTING: 'BROADCASTING',
  LITE_SELECTIVE: 'LITE_SELECTIVE',
} as const;

export type MessageModel__Input =
  | 'MESSAGE_MODEL_UNSPECIFIED'
  | 0
  | 'CLUSTERING'
  | 1
  | 'BROADCASTING'
  | 2
  | 'LITE_SELECTIVE'
  | 3

export type MessageModel = typeof MessageModel[keyof typeof MessageModel]
