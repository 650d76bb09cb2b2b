import type { Random } from './random.ts'

export interface BackoffOptions {
  readonly baseMs: number
  readonly maxMs: number
}

/** The wait before retry number `attempt` (from 0): doubling, capped, spread over its upper half. */
export function backoffMs(attempt: number, options: BackoffOptions, random: Random): number {
  const fullMs = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(attempt, 30))
  return fullMs / 2 + (fullMs / 2) * random.fraction()
}
