import type { Duration, Timestamp } from '@cometmq/protocol/rocketmq'

/** Both parts count: some clients write fractions into the seconds and the rest into the nanos. */
export function msOf(time: Duration | Timestamp | null | undefined): number | undefined {
  if (time === null || time === undefined) return undefined
  return time.seconds * 1_000 + time.nanos / 1e6
}

export function durationOf(ms: number): Duration {
  const whole = Math.max(0, Math.round(ms))
  return { seconds: Math.floor(whole / 1_000), nanos: (whole % 1_000) * 1e6 }
}

export function timestampOf(ms: number): Timestamp {
  return durationOf(ms)
}
