import {
  CometError,
  errorTable,
  type ReadRequest,
  type ReadResponse,
  toCometError,
} from '@cometmq/protocol'
import type { MessageStore } from '@cometmq/store'
import type { TopicRegistry } from '../topic-registry.ts'
import { checkPositionName, type Position, type PositionStore } from './positions.ts'

type Commit = Extract<ReadRequest, { kind: 'commit' }>

/** Commits of one reader that are not durable yet. */
const MAX_PENDING = 1_024

export interface PositionCommitsPorts {
  readonly store: Pick<MessageStore, 'bounds'>
  readonly topics: TopicRegistry
  readonly positions: PositionStore
}

/** The named positions one reader commits: those of one turn become one record of the log. */
export class PositionCommits {
  readonly #ports: PositionCommitsPorts
  readonly #answer: (answer: ReadResponse) => void
  #collected: Commit[] = []
  #pending = 0
  readonly #idle: (() => void)[] = []

  constructor(ports: PositionCommitsPorts, answer: (answer: ReadResponse) => void) {
    this.#ports = ports
    this.#answer = answer
  }

  add(commit: Commit): void {
    try {
      this.#check(commit)
    } catch (thrown) {
      this.#answerOne(commit, thrown)
      return
    }
    this.#pending++
    if (this.#collected.push(commit) === 1) queueMicrotask(() => void this.#append())
  }

  /** Resolves when every commit is answered. */
  async settled(): Promise<void> {
    if (this.#pending > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #check(commit: Commit): void {
    const { store, topics, positions } = this.#ports
    // A slave may not even have what the position is of.
    if (positions.refusal !== undefined) throw positions.refusal
    if (this.#pending >= MAX_PENDING) {
      throw new CometError(
        'OVERLOADED',
        `${MAX_PENDING} commits of this reader wait for the disk`,
        {
          retryAfterMs: 100,
        },
      )
    }
    checkPositionName(commit.name)
    topics.needQueue(commit.topic, commit.queueId)
    const maxOffset = store.bounds(commit)?.maxOffset ?? 0
    if (commit.offset > maxOffset) {
      throw new CometError(
        'OFFSET_OUT_OF_RANGE',
        `queue ${commit.queueId} of "${commit.topic}" ends at ${maxOffset}; ${commit.offset} cannot be a position in it`,
      )
    }
  }

  async #append(): Promise<void> {
    const commits = this.#collected
    this.#collected = []
    const positions: Position[] = []
    const failures = new Map<Commit, unknown>()
    for (const commit of commits) {
      try {
        // A topic may have been deleted in this turn; its position would outlive it.
        this.#ports.topics.needQueue(commit.topic, commit.queueId)
        positions.push(commit)
      } catch (thrown) {
        failures.set(commit, thrown)
      }
    }
    let failure: unknown
    try {
      if (positions.length > 0) await this.#ports.positions.keep(positions)
    } catch (thrown) {
      failure = thrown
    }
    for (const commit of commits) this.#answerOne(commit, failures.get(commit) ?? failure)
    this.#pending -= commits.length
    if (this.#pending === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  #answerOne({ id }: Commit, failure: unknown): void {
    const error = failure === undefined ? undefined : toCometError(failure)
    this.#answer({
      kind: 'committed',
      id,
      error: error === undefined ? 0 : errorTable[error.code].id,
      message: error?.message ?? '',
    })
  }
}
