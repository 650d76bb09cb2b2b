export { ByteReader, ByteWriter, varintBytes } from './batch/bytes.ts'
export { decodeChanges, encodeChanges, type StateChange } from './batch/change.ts'
export { checkProducerBatch } from './batch/check-producer-batch.ts'
export { HEADER_BYTES, layout, type RecordKind } from './batch/layout.ts'
export { encodedMessageBytes } from './batch/message-codec.ts'
export {
  type BatchToEncode,
  type BrokerStamp,
  encodeBatch,
  encodeBrokerRecord,
  encodeFillerHeader,
  stampRecord,
} from './batch/encode-batch.ts'
export { type Peek, peekRecord } from './batch/peek-record.ts'
export { messageIdOf, NO_PRODUCER_ID, type ProducerStamp } from './batch/producer-stamp.ts'
export { parseBatches, RecordBatch } from './batch/record-batch.ts'
export {
  type BatchTags,
  type KeyHash,
  keyHash,
  type Origin,
  type Sections,
  tagAt,
} from './batch/sections.ts'
export {
  consistentPoint,
  type EpochEntry,
  EpochHistory,
  type Lineage,
} from './epoch-history.ts'
export {
  CometError,
  type CometErrorOptions,
  type ErrorCode,
  type ErrorRow,
  errorCodeOfId,
  errorTable,
  type RetryAdvice,
  type StatusName,
  toCometError,
} from './errors.ts'
export { type FilterText, isSameFilter, type Matches } from './filter/filter-text.ts'
export { type MessageFilter, parseFilter, SqlFilter } from './filter/message-filter.ts'
export { TagFilter } from './filter/tag-filter.ts'
export type { Backlog } from './generated/cometmq/v1/Backlog.ts'
export type { BeatAnswer } from './generated/cometmq/v1/BeatAnswer.ts'
export type { BrokerAddress } from './generated/cometmq/v1/BrokerAddress.ts'
export type { BrokerDescription } from './generated/cometmq/v1/BrokerDescription.ts'
export type { CommandGroupRequest } from './generated/cometmq/v1/CommandGroupRequest.ts'
export type { CommandGroupResponse } from './generated/cometmq/v1/CommandGroupResponse.ts'
export type { EpochDescription } from './generated/cometmq/v1/EpochDescription.ts'
export type { Appointment } from './generated/cometmq/v1/Appointment.ts'
export type { Inspection } from './generated/cometmq/v1/Inspection.ts'
export type { Replica } from './generated/cometmq/v1/Replica.ts'
export type { ReplicasDescription } from './generated/cometmq/v1/ReplicasDescription.ts'
export type { BrokerOutcome } from './generated/cometmq/v1/BrokerOutcome.ts'
export type { ChangeOutcome } from './generated/cometmq/v1/ChangeOutcome.ts'
export type { ClusterDescription } from './generated/cometmq/v1/ClusterDescription.ts'
export type { CreateGroupRequest } from './generated/cometmq/v1/CreateGroupRequest.ts'
export type { CreateTopicRequest } from './generated/cometmq/v1/CreateTopicRequest.ts'
export type { DeadLetterCount } from './generated/cometmq/v1/DeadLetterCount.ts'
export type { DeadLettersMoved } from './generated/cometmq/v1/DeadLettersMoved.ts'
export type { DeleteGroupRequest } from './generated/cometmq/v1/DeleteGroupRequest.ts'
export type { DeleteTopicRequest } from './generated/cometmq/v1/DeleteTopicRequest.ts'
export type { DescribeBrokerRequest } from './generated/cometmq/v1/DescribeBrokerRequest.ts'
export type { DescribeClusterRequest } from './generated/cometmq/v1/DescribeClusterRequest.ts'
export type { DescribeGroupRequest } from './generated/cometmq/v1/DescribeGroupRequest.ts'
export type { DescribeTopicRequest } from './generated/cometmq/v1/DescribeTopicRequest.ts'
export type { EditGroupRequest } from './generated/cometmq/v1/EditGroupRequest.ts'
export type { EditTopicRequest } from './generated/cometmq/v1/EditTopicRequest.ts'
export type { GetMessageRequest } from './generated/cometmq/v1/GetMessageRequest.ts'
export type { Goodbye } from './generated/cometmq/v1/Goodbye.ts'
export type { GroupDescription } from './generated/cometmq/v1/GroupDescription.ts'
export type { GroupSpec } from './generated/cometmq/v1/GroupSpec.ts'
export type { GroupSummary } from './generated/cometmq/v1/GroupSummary.ts'
export type { ListDeadLettersRequest } from './generated/cometmq/v1/ListDeadLettersRequest.ts'
export type { ListDeadLettersResponse } from './generated/cometmq/v1/ListDeadLettersResponse.ts'
export type { ListenerAddress } from './generated/cometmq/v1/ListenerAddress.ts'
export type { ListGroupsRequest } from './generated/cometmq/v1/ListGroupsRequest.ts'
export type { ListGroupsResponse } from './generated/cometmq/v1/ListGroupsResponse.ts'
export type { ListTopicsRequest } from './generated/cometmq/v1/ListTopicsRequest.ts'
export type { ListTopicsResponse } from './generated/cometmq/v1/ListTopicsResponse.ts'
export type { MemberDescription } from './generated/cometmq/v1/MemberDescription.ts'
export type { PurgeDeadLettersRequest } from './generated/cometmq/v1/PurgeDeadLettersRequest.ts'
export type { QueueDescription } from './generated/cometmq/v1/QueueDescription.ts'
export type { QueueGroup } from './generated/cometmq/v1/QueueGroup.ts'
export type { RedriveDeadLettersRequest } from './generated/cometmq/v1/RedriveDeadLettersRequest.ts'
export type { RegisterBeat } from './generated/cometmq/v1/RegisterBeat.ts'
export type { Registered } from './generated/cometmq/v1/Registered.ts'
export type { RegisteredBroker } from './generated/cometmq/v1/RegisteredBroker.ts'
export type { RegisteredTopic } from './generated/cometmq/v1/RegisteredTopic.ts'
export type { RegisterRequest } from './generated/cometmq/v1/RegisterRequest.ts'
export type { RegisterResponse } from './generated/cometmq/v1/RegisterResponse.ts'
export type { Registration } from './generated/cometmq/v1/Registration.ts'
export type { RegistrationRefused } from './generated/cometmq/v1/RegistrationRefused.ts'
export type { ResetGroupRequest } from './generated/cometmq/v1/ResetGroupRequest.ts'
export type { ResetGroupResponse } from './generated/cometmq/v1/ResetGroupResponse.ts'
export type { ResetQueue } from './generated/cometmq/v1/ResetQueue.ts'
export type { RouteUpdate } from './generated/cometmq/v1/RouteUpdate.ts'
export type { StoredMessage } from './generated/cometmq/v1/StoredMessage.ts'
export type { TopicChanges } from './generated/cometmq/v1/TopicChanges.ts'
export type { TopicDescription } from './generated/cometmq/v1/TopicDescription.ts'
export type { TopicRoute } from './generated/cometmq/v1/TopicRoute.ts'
export type { TopicFilterSpec } from './generated/cometmq/v1/TopicFilterSpec.ts'
export type { TopicSpec } from './generated/cometmq/v1/TopicSpec.ts'
export type { WatchRequest } from './generated/cometmq/v1/WatchRequest.ts'
export { limits } from './limits.ts'
export { Masters } from './masters.ts'
export { Slaves } from './slaves.ts'
export {
  checkMessage,
  checkTag,
  isHiddenProperty,
  type Message,
  visibleProperties,
} from './message.ts'
export { queueGroupsAfter, queueOfGroup } from './message-group.ts'
export {
  type CommitLogOffset,
  commitLogOffset,
  type QueueOffset,
  queueOffset,
} from './offsets.ts'
export {
  type AckLevel,
  checkBrokerName,
  checkGroupName,
  checkTopicName,
  deadLetterTopicOf,
  type GroupDefinition,
  isDeadLetterTopic,
  isInternalTopic,
  isRetryTopic,
  retryTopicOf,
  type StartPosition,
  type TopicDefinition,
  type TopicType,
} from './topic.ts'
export { loadDefinitions } from './wire/definitions.ts'
export {
  type ErrorStatus,
  errorOfStatus,
  type ReceivedStatus,
  statusOfError,
} from './wire/error-status.ts'
export type { Method } from './wire/method.ts'
export {
  type PublishRequest,
  type PublishResponse,
  type PublishResult,
  publishMethod,
} from './wire/publish-codec.ts'
export {
  type ReadRequest,
  type ReadResponse,
  type ReadStart,
  readMethod,
} from './wire/read-codec.ts'
export {
  loadServices,
  makeCodecs,
  methodsOf,
  type ServiceMethods,
  type Services,
} from './wire/services.ts'
export {
  type EpochStartFrame,
  followMethod,
  type MasterFrame,
  type MasterMessage,
  type SlaveFrame,
} from './wire/replication-codec.ts'
export {
  type Delivery,
  type LeasedRange,
  type OpenSubscription,
  type Settlement,
  type SettlementAction,
  type SettlementFailure,
  type SubscribeRequest,
  type SubscribeResponse,
  subscribeMethod,
  type TopicFilter,
} from './wire/subscribe-codec.ts'
