import * as z from 'zod'
import {
  DURATION_EXAMPLES,
  formatBytes,
  formatDuration,
  parseDuration,
  parseSize,
  SIZE_EXAMPLES,
} from '../units.ts'
import { ADDRESS_EXAMPLES, isWildcard, parseAddress } from './address.ts'

/**
 * One setting: `parse` takes what a file, the environment or a flag gave, and returns `undefined`
 * for what it does not understand; the mistake then says that `allowed` is allowed.
 */
function setting<T>(allowed: string, parse: (given: unknown) => T | undefined) {
  return z.unknown().transform((given, context): T => {
    // A required setting that is missing arrives here too.
    const value = given === undefined ? undefined : parse(given)
    if (value !== undefined) return value
    context.addIssue({ code: 'custom', message: allowed })
    return z.NEVER
  })
}

/** What a setting's number counts, and what is allowed: for those who show it or allow more. */
interface Meta extends Record<string, unknown> {
  readonly unit: 'ms' | 'bytes'
  readonly allowed: string
}

export function text(allowed: string, isAllowed: (given: string) => boolean) {
  return setting(allowed, (given) =>
    typeof given === 'string' && isAllowed(given) ? given : undefined,
  )
}

export function choice<const Word extends string>(...words: Word[]) {
  return setting(`one of ${words.join(', ')}`, (given) => words.find((word) => word === given))
}

export function flag() {
  return setting('true or false', (given) => {
    if (typeof given === 'boolean') return given
    return given === 'true' ? true : given === 'false' ? false : undefined
  })
}

export function count(range: { readonly min: number; readonly max: number }) {
  return setting(`a whole number from ${range.min} to ${range.max}`, (given) => {
    const value = typeof given === 'string' && /^\d+$/.test(given) ? Number(given) : given
    return typeof value === 'number' && Number.isSafeInteger(value) && isWithin(value, range)
      ? value
      : undefined
  })
}

export function durationMs(range: { readonly min: number; readonly max: number }) {
  const bounds = `from ${formatDuration(range.min)} to ${formatDuration(range.max)}`
  const allowed = `${DURATION_EXAMPLES}, ${bounds}`
  return setting(allowed, (given) => {
    const ms = typeof given === 'string' ? parseDuration(given) : undefined
    return ms !== undefined && isWithin(ms, range) ? ms : undefined
  }).meta({ unit: 'ms', allowed } satisfies Meta)
}

/** Bytes from `min`. */
export function size(min: number) {
  const allowed = `${SIZE_EXAMPLES}, at least ${formatBytes(min)}`
  return setting(allowed, (given) => {
    const bytes = typeof given === 'string' ? parseSize(given) : given
    return typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes >= min
      ? bytes
      : undefined
  }).meta({ unit: 'bytes', allowed } satisfies Meta)
}

/** What `inner` allows, or `unlimited`, which is `Infinity`. */
export function orUnlimited(inner: ReturnType<typeof durationMs | typeof size>) {
  const meta = inner.meta() as Meta
  return setting(`${meta.allowed}, or unlimited`, (given) => {
    if (given === 'unlimited') return Number.POSITIVE_INFINITY
    const parsed = inner.safeParse(given)
    return parsed.success ? parsed.data : undefined
  }).meta(meta)
}

export function address() {
  return text(ADDRESS_EXAMPLES, (given) => parseAddress(given) !== undefined)
}

/** What others dial: no wildcard, no port 0; without a port, the one that was taken. */
export function advertisedAddress() {
  return text('host or host:port that clients can dial, no wildcard such as 0.0.0.0', (given) => {
    const { host, port } = parseAddress(given) ?? { host: given, port: 1 }
    return port > 0 && !isWildcard(host) && /^[^\s:/[\]]+$|^[0-9a-fA-F:]+$/.test(host)
  })
}

/** A list, or one text with commas between. */
export function addresses() {
  return setting(`one or more of ${ADDRESS_EXAMPLES}, with commas between`, (given) => {
    const list = typeof given === 'string' ? given.split(',').map((part) => part.trim()) : given
    if (!Array.isArray(list) || list.length === 0) return undefined
    const known = list.filter(
      (part): part is string => typeof part === 'string' && (parseAddress(part)?.port ?? 0) > 0,
    )
    return known.length === list.length ? (known as readonly string[]) : undefined
  })
}

function isWithin(value: number, range: { readonly min: number; readonly max: number }): boolean {
  return value >= range.min && value <= range.max
}
