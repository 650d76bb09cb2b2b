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
export {
  encodeGroupState,
  type GroupState,
  type InSyncSet,
  type PossibleLoss,
  parseGroupState,
  type Reign,
} from './group-state.ts'
export {
  bootstrapTransaction,
  changeSetTransaction,
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
} from './transactions.ts'
