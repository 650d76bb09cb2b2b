export { CometError, type ErrorCode, type RetryAdvice } from '@cometmq/protocol'
export {
  Admin,
  type AdminCall,
  type AdminRequest,
  type AdminResponse,
  DeadLetterAdmin,
  type EveryOutcome,
  GroupAdmin,
  type OnBroker,
  TopicAdmin,
} from './admin/admin.ts'
export { bytes, type Codec, json, text } from './codec.ts'
export { CometClient, type ConnectOptions, connect } from './comet-client.ts'
export type { BatchHandler } from './consume/batch-work.ts'
export { Consumer } from './consume/consumer.ts'
export type { Handler } from './consume/message-work.ts'
export { Reject, RetryLater } from './consume/outcomes.ts'
export { ReceivedMessage } from './consume/received-message.ts'
export { Receiver } from './consume/receiver.ts'
export type { Duration } from './duration.ts'
export { SendReceipt } from './produce/send-batch.ts'
export { SendManyOutcome } from './produce/send-many-call.ts'
export type { Positions, ReadFrom } from './read/positions.ts'
export { Reader, ReadMessage } from './read/reader.ts'
export {
  type ConsumeBatchesOptions,
  type ConsumeOptions,
  type Filter,
  type GroupOptions,
  type ReaderOptions,
  type ReceiveOptions,
  type SendManyOptions,
  type SendOptions,
  Topic,
  type TopicOptions,
} from './topic.ts'
