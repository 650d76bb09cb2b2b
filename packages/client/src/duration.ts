import { CometError } from '@cometmq/protocol'

/** Milliseconds, or a number with a unit: `'250ms'`, `'5s'`, `'1.5m'`, `'12h'`, `'7d'`. */
export type Duration = number | DurationText

type DurationText = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/

/** In whole milliseconds. Throws `ILLEGAL_ARGUMENT`, naming `what`, unless finite and not negative. */
export function parseDuration(what: string, duration: Duration): number {
  const ms = typeof duration === 'number' ? duration : parseText(duration)
  if (ms === undefined || !Number.isFinite(ms) || ms < 0) {
    throw new CometError(
      'ILLEGAL_ARGUMENT',
      `${what} is ${JSON.stringify(duration)}; give milliseconds, or a text like '250ms', '5s', '1m', '2h', '7d'`,
    )
  }
  return Math.round(ms)
}

function parseText(text: string): number | undefined {
  const [, amount, unit] = DURATION.exec(text) ?? []
  if (amount === undefined || unit === undefined) return undefined
  return Number(amount) * (unitMs[unit] ?? Number.NaN)
}
