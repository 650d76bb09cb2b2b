export type { Action, AlarmName, MemberFile } from './actions.ts'
export type {
  Elector,
  ElectorKey,
  ElectorLease,
  GroupHint,
  GroupView,
  Guard,
  ReadOutcome,
  Revision,
  SwapOutcome,
  Transaction,
  TransactionKind,
  Versioned,
  Write,
} from './elector.ts'
export {
  nameOfKey,
  recordOfWrite,
  type StoredRecord,
  viewOfRecords,
} from './elector-records.ts'
export {
  type Command,
  encodeCommand,
  type LiveRecord,
  type MemberRecord,
} from './group-records.ts'
export type { Happening, LeaseReading, ReplicaEvent } from './events.ts'
export type {
  DiskHealth,
  Hello,
  Inspection,
  MasterFrame,
  MasterMessage,
  Member,
  RawRecords,
  RefusalReason,
  SlaveFrame,
  Welcome,
} from './frames.ts'
export {
  encodeGroupState,
  type GroupState,
  type InSyncSet,
  type PossibleLoss,
  parseGroupState,
  type Reign,
} from './group-state.ts'
export { compareLogs, isTrusted, recoveryWinner } from './eligibility.ts'
export { inspectionOf } from './inspection.ts'
export { GroupMember } from './member/group-member.ts'
export { copyStore, type CopyWish } from './member/copy-store.ts'
export type { MemberCounters } from './member/chronicle.ts'
export type { MasterChange } from './member/master-change.ts'
export { memberHandlers } from './member/member-handlers.ts'
export { type GivenOverlay, type OverlaySource, takeOverlay } from './member/overlay-exchange.ts'
export type { MemberStatus, ReplicaProgress } from './member/member-status.ts'
export { type CommandPorts, carryOut, type Fulfilled } from './member/operator-command.ts'
export { type Surveyed, surveyGroup } from './member/survey.ts'
export {
  defaultStreamLimits,
  type Duties,
  type MemberEnding,
  type MemberOptions,
  type MemberPorts,
  type StreamLimits,
} from './member/ports.ts'
export { type ConfirmOn, durableOffset, type LogState } from './log-state.ts'
export { canServe, isReigning } from './reign.ts'
export type { ReplicaContext, ReplicaState, Role, Self } from './replica.ts'
export { recovering, step } from './replica-state.ts'
export { designedRules, type Rules, type SwapResult } from './rules.ts'
export { defaultSettings, mistakesIn, type ReplicationSettings } from './settings.ts'
export {
  bootstrapTransaction,
  changeSetTransaction,
  commandTransaction,
  electTransaction,
  forgetTransaction,
  type NextState,
  type OldMaster,
  type OwnLive,
  recoverTransaction,
  retakeTransaction,
  startTransaction,
  takeConfiguredIdTransaction,
  takeIdTransaction,
  takeOverTransaction,
  withdrawTransaction,
} from './transactions.ts'
export { adopt, type AdoptedGroup } from './static/adopt.ts'
export {
  type Appointment,
  encodeStaticRecord,
  type StaticRecord,
} from './static/appointment.ts'
export { findPlace, type Place } from './static/find-place.ts'
export { promote, type Promoted, type PromotePorts } from './static/promote.ts'
export type { PromoteWish } from './static/promotion.ts'
export { StaticElector, type StaticGroup } from './static/static-elector.ts'
export type { Wish } from './wishes.ts'
