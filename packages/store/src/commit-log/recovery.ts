/** What opening a store found. */
export interface RecoveryReport {
  readonly created: boolean
  /** The last owner closed the store properly. */
  readonly closedCleanly: boolean
  /** Why derived state was made anew from the log; `undefined` if it was not. */
  readonly rebuilt: string | undefined
  readonly replayedRecords: number
  readonly replayedBytes: number
  /** Unconfirmed bytes at the end that a crash left incomplete. */
  readonly cutBytes: number
  readonly tookMs: number
}
