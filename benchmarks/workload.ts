import type { CometClient } from '@cometmq/client'
import type { LocalCluster } from '../test/cluster/local-cluster.ts'
import type { Floor } from './floor.ts'
import type { Latency, Rate } from './load.ts'

export type Measured = Partial<Rate & Latency> & {
  readonly residentMegabytes?: number
  readonly readyMs?: number
}

/** One line of the report: what CometMQ did, and the floor in the same run. */
export interface BenchmarkResult extends Measured {
  readonly workload: string
  /** Of one message body. */
  readonly bytes: number
  readonly fsync: boolean
  /** Absent where no floor is comparable; `aim` then says what the figure is held against. */
  readonly floor?: Measured
  /** Rates: ours over the floor's. Latencies: ours over the floor's, at the median. */
  readonly ratio?: number
  /** What the ratio or the figure should be. */
  readonly aim: string
}

/** A fresh broker, a client in this process, and the floor beside them. */
export interface Bench {
  readonly cluster: LocalCluster
  readonly comet: CometClient
  readonly floor: Floor
  /** Sizes are multiplied by it; 1 is what the aims are stated for. */
  readonly scale: number
}

export interface Workload {
  readonly name: string
  readonly about: string
  /** Left out unless named: it takes minutes or gigabytes. */
  readonly isLong?: boolean
  run(bench: Bench): Promise<BenchmarkResult[]>
}
