import type { CommitLogOffset } from '@cometmq/protocol'
import type { Action, AlarmName, MemberFile } from './actions.ts'
import type { GroupState } from './group-state.ts'
import type { LogState } from './log-state.ts'
import type { ReplicaContext, ReplicaState, Role } from './replica.ts'
import type { Rules } from './rules.ts'
import type { ReplicationSettings } from './settings.ts'

/**
 * One step under way: the state so far and the actions so far.
 *
 * Lives inside a single call of `step`, which stays a function of its arguments.
 */
export class Turn {
  readonly context: ReplicaContext
  readonly actions: Action[] = []
  #state: ReplicaState

  constructor(context: ReplicaContext, state: ReplicaState) {
    this.context = context
    this.#state = state
  }

  get state(): ReplicaState {
    return this.#state
  }

  get settings(): ReplicationSettings {
    return this.context.settings
  }

  get rules(): Rules {
    return this.context.rules
  }

  get nowMs(): number {
    return this.#state.nowMs
  }

  get log(): LogState {
    return this.#state.log
  }

  get member(): MemberFile {
    return this.#state.member
  }

  /** This member's id; 0, which is nobody's, until it has one. */
  get me(): number {
    return this.#state.member.brokerId ?? 0
  }

  /** The group's state as last viewed. */
  get group(): GroupState | undefined {
    return this.#state.elector.view?.state?.value
  }

  act(action: Action): void {
    this.actions.push(action)
  }

  update(changes: Partial<ReplicaState>): void {
    this.#state = { ...this.#state, ...changes }
  }

  become(role: Role): void {
    this.update({ role })
  }

  updateLog(changes: Partial<LogState>): void {
    this.update({ log: { ...this.#state.log, ...changes } })
  }

  /** Numbers are used once in the life of a process. */
  nextNumber(): number {
    const lastNumber = this.#state.lastNumber + 1
    this.update({ lastNumber })
    return lastNumber
  }

  keepMember(changes: Partial<MemberFile>): void {
    const member = { ...this.#state.member, ...changes }
    this.update({ member })
    this.act({ kind: 'keep-member', member })
  }

  /** Remembers, through any crash, that an epoch has been. */
  see(epoch: number): void {
    if (epoch > this.member.lastSeenEpoch) this.keepMember({ lastSeenEpoch: epoch })
  }

  confirm(offset: CommitLogOffset): void {
    if (offset <= this.log.confirmOffset) return
    this.updateLog({ confirmOffset: offset })
    this.act({ kind: 'confirm', offset })
  }

  alarm(name: AlarmName, why: string): void {
    this.act({ kind: 'alarm', name, why })
  }
}
