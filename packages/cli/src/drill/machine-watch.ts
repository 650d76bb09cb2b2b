import { cpus } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** How the machine was that a drill ran on: what it tells of the cluster is worth no more than that. */
export interface MachineReport {
  /** For how long the drill itself stood still at the most: a busy machine is away now and then. */
  readonly stalledMs: number
  /** Of the processor time of all cores, by whomever; the cluster may run elsewhere. */
  readonly busyPercent: number
}

interface CpuTimes {
  readonly idleMs: number
  readonly allMs: number
}

/** From now on; its answer is what has been until then. */
export function watchMachine(): () => MachineReport {
  // Its timers are as late as those of every other process here.
  const lateness = monitorEventLoopDelay({ resolution: 10 })
  lateness.enable()
  const before = cpuTimes()
  return () => {
    lateness.disable()
    return {
      stalledMs: Math.round(lateness.max / 1e6),
      busyPercent: busyPercentOf(before, cpuTimes()),
    }
  }
}

/** 0 where the system does not tell. */
export function busyPercentOf(before: CpuTimes, after: CpuTimes): number {
  const allMs = after.allMs - before.allMs
  if (allMs <= 0) return 0
  return Math.round(100 * (1 - (after.idleMs - before.idleMs) / allMs))
}

function cpuTimes(): CpuTimes {
  let [idleMs, allMs] = [0, 0]
  for (const { times } of cpus()) {
    idleMs += times.idle
    allMs += times.user + times.nice + times.sys + times.irq + times.idle
  }
  return { idleMs, allMs }
}
