/** The calls of official RocketMQ 5 clients, `apache.rocketmq.v2`. */
export type { AckMessageEntry } from './generated/apache/rocketmq/v2/AckMessageEntry.ts'
export type { AckMessageRequest } from './generated/apache/rocketmq/v2/AckMessageRequest.ts'
export type {
  AckMessageResponse,
  AckMessageResponse__Input,
} from './generated/apache/rocketmq/v2/AckMessageResponse.ts'
export type {
  AckMessageResultEntry,
  AckMessageResultEntry__Input,
} from './generated/apache/rocketmq/v2/AckMessageResultEntry.ts'
export type { Assignment, Assignment__Input } from './generated/apache/rocketmq/v2/Assignment.ts'
export type { Broker, Broker__Input } from './generated/apache/rocketmq/v2/Broker.ts'
export type { ChangeInvisibleDurationRequest } from './generated/apache/rocketmq/v2/ChangeInvisibleDurationRequest.ts'
export type {
  ChangeInvisibleDurationResponse,
  ChangeInvisibleDurationResponse__Input,
} from './generated/apache/rocketmq/v2/ChangeInvisibleDurationResponse.ts'
export type { ClientType } from './generated/apache/rocketmq/v2/ClientType.ts'
export type { Code } from './generated/apache/rocketmq/v2/Code.ts'
export type { EndTransactionRequest } from './generated/apache/rocketmq/v2/EndTransactionRequest.ts'
export type { Endpoints, Endpoints__Input } from './generated/apache/rocketmq/v2/Endpoints.ts'
export type { FilterExpression } from './generated/apache/rocketmq/v2/FilterExpression.ts'
export type { ForwardMessageToDeadLetterQueueRequest } from './generated/apache/rocketmq/v2/ForwardMessageToDeadLetterQueueRequest.ts'
export type { GetOffsetRequest } from './generated/apache/rocketmq/v2/GetOffsetRequest.ts'
export type { HeartbeatRequest } from './generated/apache/rocketmq/v2/HeartbeatRequest.ts'
export type { Message, Message__Input } from './generated/apache/rocketmq/v2/Message.ts'
export type {
  MessageQueue,
  MessageQueue__Input,
} from './generated/apache/rocketmq/v2/MessageQueue.ts'
export type { MessageType } from './generated/apache/rocketmq/v2/MessageType.ts'
export type { NotifyClientTerminationRequest } from './generated/apache/rocketmq/v2/NotifyClientTerminationRequest.ts'
export type { PullMessageRequest } from './generated/apache/rocketmq/v2/PullMessageRequest.ts'
export type {
  PullMessageResponse,
  PullMessageResponse__Input,
} from './generated/apache/rocketmq/v2/PullMessageResponse.ts'
export type { QueryAssignmentRequest } from './generated/apache/rocketmq/v2/QueryAssignmentRequest.ts'
export type {
  QueryAssignmentResponse,
  QueryAssignmentResponse__Input,
} from './generated/apache/rocketmq/v2/QueryAssignmentResponse.ts'
export type { QueryOffsetRequest } from './generated/apache/rocketmq/v2/QueryOffsetRequest.ts'
export type { QueryRouteRequest } from './generated/apache/rocketmq/v2/QueryRouteRequest.ts'
export type {
  QueryRouteResponse,
  QueryRouteResponse__Input,
} from './generated/apache/rocketmq/v2/QueryRouteResponse.ts'
export type { ReceiveMessageRequest } from './generated/apache/rocketmq/v2/ReceiveMessageRequest.ts'
export type {
  ReceiveMessageResponse,
  ReceiveMessageResponse__Input,
} from './generated/apache/rocketmq/v2/ReceiveMessageResponse.ts'
export type { RecallMessageRequest } from './generated/apache/rocketmq/v2/RecallMessageRequest.ts'
export type { Resource } from './generated/apache/rocketmq/v2/Resource.ts'
export type { RetryPolicy, RetryPolicy__Input } from './generated/apache/rocketmq/v2/RetryPolicy.ts'
export type { SendMessageRequest } from './generated/apache/rocketmq/v2/SendMessageRequest.ts'
export type {
  SendMessageResponse,
  SendMessageResponse__Input,
} from './generated/apache/rocketmq/v2/SendMessageResponse.ts'
export type {
  SendResultEntry,
  SendResultEntry__Input,
} from './generated/apache/rocketmq/v2/SendResultEntry.ts'
export type { Settings, Settings__Input } from './generated/apache/rocketmq/v2/Settings.ts'
export type { Status, Status__Input } from './generated/apache/rocketmq/v2/Status.ts'
export type { SyncLiteSubscriptionRequest } from './generated/apache/rocketmq/v2/SyncLiteSubscriptionRequest.ts'
export type {
  SystemProperties,
  SystemProperties__Input,
} from './generated/apache/rocketmq/v2/SystemProperties.ts'
export type {
  TelemetryCommand,
  TelemetryCommand__Input,
} from './generated/apache/rocketmq/v2/TelemetryCommand.ts'
export type { UpdateOffsetRequest } from './generated/apache/rocketmq/v2/UpdateOffsetRequest.ts'
export type { Duration } from './generated/google/protobuf/Duration.ts'
export type { Timestamp } from './generated/google/protobuf/Timestamp.ts'
export { loadMessagingService, type MessagingMethods } from './wire/rocketmq-services.ts'
