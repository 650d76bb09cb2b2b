import { commitLogOffset, EpochHistory } from '@cometmq/protocol'
import type { LogState, MemberFile, Rules } from '@cometmq/replication'
import type { SeededRandom } from '@cometmq/simulation'

/** One byte of the log stands for a whole record. */
export interface Entry {
  readonly epoch: number
  readonly id: number
  /** Somebody waits for its acknowledgement. */
  readonly isClients: boolean
}

/** What outlives a process, and what of it outlives a power cut. */
export class MemberDisk {
  log: Entry[] = []
  flushed = 0
  history = EpochHistory.empty
  member: MemberFile
  /** The confirm offset at the latest checkpoint. */
  checkpoint = 0

  constructor(brokerId: number) {
    this.member = {
      brokerId,
      storeId: `store-${brokerId}`,
      incarnation: 0,
      trustedSince: 1,
      lastSeenEpoch: 0,
      electorId: undefined,
    }
  }

  flush(confirmOffset: number): void {
    this.flushed = this.log.length
    this.checkpoint = Math.min(confirmOffset, this.flushed)
  }

  truncate(to: number, rules: Rules): void {
    this.log.length = to
    this.flushed = Math.min(this.flushed, to)
    this.history = rules.truncateEpochs(this.history, commitLogOffset(to))
  }

  /** Loses a random part of what was not flushed. */
  cutPower(random: SeededRandom, rules: Rules): void {
    const kept = this.flushed + random.below(this.log.length - this.flushed + 1)
    if (kept < this.log.length) this.truncate(kept, rules)
    // An entry of an epoch of which no byte was kept: its file was synced, the log was not.
    this.history = EpochHistory.of(this.history.entries.filter(({ start }) => start <= kept))
  }

  /** Starts a process: one sync, one more incarnation, and whether it is trusted. */
  recover(lostTrust: boolean): { readonly member: MemberFile; readonly log: LogState } {
    const incarnation = this.member.incarnation + 1
    const isCut = this.log.length < this.checkpoint
    const trustedSince = lostTrust || isCut ? incarnation : this.member.trustedSince
    this.member = { ...this.member, incarnation, trustedSince }
    this.checkpoint = Math.min(this.checkpoint, this.log.length)
    this.flushed = this.log.length
    return { member: this.member, log: this.state(this.checkpoint) }
  }

  state(confirmOffset: number): LogState {
    return {
      history: this.history,
      minOffset: commitLogOffset(0),
      maxOffset: commitLogOffset(this.log.length),
      flushedOffset: commitLogOffset(this.flushed),
      confirmOffset: commitLogOffset(confirmOffset),
    }
  }
}
