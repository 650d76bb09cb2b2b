import { InvalidArgumentError } from 'commander'
import {
  DURATION_EXAMPLES,
  parseDuration,
  parseSize,
  parseTime,
  SIZE_EXAMPLES,
  TIME_EXAMPLES,
} from './units.ts'

/** Parsers of options and arguments. What they refuse is a mistake in usage that names the option. */

export function duration(text: string): number {
  return parseDuration(text) ?? refuse(DURATION_EXAMPLES)
}

export function durationOrNone(text: string): number | 'none' {
  return text === 'none' ? text : (parseDuration(text) ?? refuse(`${DURATION_EXAMPLES}, or none`))
}

export function bytes(text: string): number {
  return parseSize(text) ?? refuse(SIZE_EXAMPLES)
}

/** A whole number from `min`. */
export function count(min: number): (text: string) => number {
  return (text) =>
    /^\d{1,15}$/.test(text) && Number(text) >= min
      ? Number(text)
      : refuse(`a whole number from ${min}`)
}

/** Whole numbers from `min`, with commas between. */
export function counts(min: number): (text: string) => readonly number[] {
  return (text) => text.split(',').map((part) => count(min)(part.trim()))
}

export function port(text: string): number {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535
    ? Number(text)
    : refuse('a port from 0 to 65535; 0 takes a free one')
}

export function yesOrNo(text: string): 'true' | 'false' {
  return text === 'true' || text === 'false' ? text : refuse('true or false')
}

export function durations(text: string): readonly number[] {
  return text.split(',').map((part) => parseDuration(part.trim()) ?? refuse('1s,5s,30s,2m'))
}

/** Where to begin in a queue. */
export type Start =
  | { readonly kind: 'earliest' | 'latest' }
  | { readonly kind: 'timestamp'; readonly timestampMs: number }

export function start(text: string): Start {
  if (text === 'earliest' || text === 'latest') return { kind: text }
  const timestampMs = parseTime(text, Date.now())
  return timestampMs === undefined
    ? refuse(`earliest, latest or ${TIME_EXAMPLES}`)
    : { kind: 'timestamp', timestampMs }
}

/** Where a group may be set to: a start, or an offset. */
export type ResetTarget = Start | { readonly kind: 'offset'; readonly offset: number }

export function resetTarget(text: string): ResetTarget {
  if (/^\d{1,15}$/.test(text)) return { kind: 'offset', offset: Number(text) }
  return start(text)
}

/** A message's place: `BROKER/QUEUE/OFFSET`. */
export interface Place {
  readonly brokerName: string
  readonly queueId: number
  readonly offset: number
}

export function place(text: string): Place {
  const match = /^([^/]+)\/(\d{1,5})\/(\d{1,15})$/.exec(text)
  if (match === null) return refuse('BROKER/QUEUE/OFFSET, such as broker-a/3/1042')
  return { brokerName: match[1] ?? '', queueId: Number(match[2]), offset: Number(match[3]) }
}

/** Gathers the values of an option that may be given several times. */
export function gather(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value]
}

/** Gathers `key=value` options. */
export function gatherProperties(
  text: string,
  previous: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const equals = text.indexOf('=')
  if (equals < 1) return refuse('key=value')
  return { ...previous, [text.slice(0, equals)]: text.slice(equals + 1) }
}

function refuse(allowed: string): never {
  throw new InvalidArgumentError(`Give ${allowed}.`)
}
