const DURATION_UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const SIZE_UNITS = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const

export const DURATION_EXAMPLES = 'a duration such as 500ms, 30s, 15m, 72h or 7d'
export const SIZE_EXAMPLES = 'a size such as 4096, 64KiB, 256MiB or 10GB'
export const TIME_EXAMPLES = 'a time such as 2026-01-31T12:00:00Z, or 15m for that long ago'

/** Milliseconds of `1h30m`, `500ms`, …; `undefined` if it is none. A bare number has no unit, so it is none. */
export function parseDuration(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/gy)]
  if (text === '' || parts.map(([part]) => part).join('') !== text) return undefined
  return parts.reduce(
    (sum, [, digits, unit]) =>
      sum + Number(digits) * DURATION_UNITS_MS[unit as keyof typeof DURATION_UNITS_MS],
    0,
  )
}

/** Bytes of `64KiB`, `10GB`, …, a bare number being bytes; `undefined` if it is no whole number of them. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([KMGT]i?B|B)?$/.exec(text)
  if (match === null) return undefined
  const bytes = Number(match[1]) * SIZE_UNITS[(match[2] ?? 'B') as keyof typeof SIZE_UNITS]
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** Milliseconds since 1970 of an ISO time or of a moment that long before `nowMs`. */
export function parseTime(text: string, nowMs: number): number | undefined {
  const agoMs = parseDuration(text)
  if (agoMs !== undefined) return Math.max(0, nowMs - agoMs)
  const match =
    /^(\d{4})-(\d{2})-(\d{2})([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.exec(text)
  if (match === null) return undefined
  const [year, month, day] = match.slice(1, 4).map(Number) as [number, number, number]
  // `Date.parse` takes 31 February for 3 March.
  if (new Date(Date.UTC(year, month - 1, day)).getUTCDate() !== day) return undefined
  const timeMs = Date.parse(text)
  return Number.isNaN(timeMs) ? undefined : timeMs
}

export function formatBytes(bytes: number): string {
  let value = bytes
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (value < 1024) return `${unit === 'B' ? value : value.toFixed(1)} ${unit}`
    value /= 1024
  }
  return `${value.toFixed(1)} TiB`
}

/** The two largest units: `2d 3h`, `3m 20s`, `1.5s`, `20ms`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)}ms`
  if (durationMs < 10_000) return `${Math.round(durationMs / 100) / 10}s`
  const totalSeconds = Math.round(durationMs / 1_000)
  const parts: [number, string][] = [
    [Math.floor(totalSeconds / 86_400), 'd'],
    [Math.floor(totalSeconds / 3_600) % 24, 'h'],
    [Math.floor(totalSeconds / 60) % 60, 'm'],
    [totalSeconds % 60, 's'],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ')
}

/** `2026-01-31T12:00:00.000Z`: sorts as text, means the same everywhere. */
export function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString()
}

/** As `parseDuration` reads it back, in the largest unit that loses nothing. */
export function exactDuration(durationMs: number): string {
  const units = Object.entries(DURATION_UNITS_MS).toReversed()
  const [unit, unitMs] = units.find(([, ms]) => durationMs % ms === 0) ?? ['ms', 1]
  return durationMs === 0 ? '0s' : `${durationMs / unitMs}${unit}`
}

/** As `parseSize` reads it back, in the largest binary unit that loses nothing. */
export function exactSize(bytes: number): string {
  const units = (['TiB', 'GiB', 'MiB', 'KiB'] as const).map(
    (unit) => [unit, SIZE_UNITS[unit]] as const,
  )
  const found = units.find(([, size]) => bytes !== 0 && bytes % size === 0)
  return found === undefined ? String(bytes) : `${bytes / found[1]}${found[0]}`
}
