import type { DrillGroups } from '../judge.ts'

interface Task {
  /** Of this process, and the first part of all its message ids. */
  readonly name: string
  readonly endpoints: readonly string[]
  readonly topic: string
  readonly clients: number
  /** The file that it writes down what it saw in. */
  readonly ledger: string
}

export interface ProducerTask extends Task {
  readonly role: 'producer'
  /** Lanes of each client: every one sends its messages in order, some with a key of their own. */
  readonly keyed: number
  readonly unkeyed: number
  /** Between two sends of a lane. */
  readonly pauseMs: number
}

export interface ConsumerTask extends Task {
  readonly role: 'consumer'
  readonly groups: DrillGroups
}

export type LoadTask = ProducerTask | ConsumerTask

export type LoadCommand = 'stop'

/** What a process of the load has done so far. */
export interface LoadProgress {
  /** Sends, by broker name. */
  readonly acknowledged: Record<string, number>
  delivered: number
  redelivered: number
  failed: number
}
