import {
  CometError,
  checkGroupName,
  type GroupDefinition,
  limits,
  type StartPosition,
} from '@cometmq/protocol'

/** What somebody asks of a new group; empty and zero fields take the defaults. */
export interface GroupWish {
  readonly group: string
  readonly maxAttempts: number
  readonly invisibleMs: number
  readonly retryDelaysMs: readonly number[]
  /** `earliest`, `latest` or `timestamp`. */
  readonly start: string
  readonly startTimestampMs: number
  /** For good: what was delivered in no order cannot be put into one. */
  readonly fifo: boolean
}

/** What an operator wants changed; empty and zero fields leave it as it is. */
export interface GroupEdit {
  readonly maxAttempts: number
  readonly invisibleMs: number
  readonly retryDelaysMs: readonly number[]
  /** `true` or `false`. */
  readonly paused: string
}

const SECOND = 1_000
const MINUTE = 60 * SECOND

const defaults = {
  // RocketMQ's number of retries.
  maxAttempts: 16,
  // Longer than most handlers run; those that run longer extend their lease.
  invisibleMs: MINUTE,
  // RocketMQ's delay levels, without the two hours at their end.
  retryDelaysMs: [
    ...[1, 5, 10, 30].map((seconds) => seconds * SECOND),
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30].map((minutes) => minutes * MINUTE),
  ],
} as const

const MAX_ATTEMPTS = 1_000
const MAX_RETRY_DELAYS = 64

/** A wish for nothing but the defaults. */
export function plainGroup(group: string): GroupWish {
  const numbers = { maxAttempts: 0, invisibleMs: 0, retryDelaysMs: [], startTimestampMs: 0 }
  return { group, start: '', fifo: false, ...numbers }
}

/** The definition of a new group. Throws `ILLEGAL_NAME` or `ILLEGAL_ARGUMENT`. */
export function newGroup(wish: GroupWish, nowMs: number): GroupDefinition {
  checkGroupName(wish.group)
  const settings = settingsOf(wish, defaults)
  return {
    group: wish.group,
    ...settings,
    startPosition: parseStart(wish),
    paused: false,
    fifo: wish.fifo,
    version: 1,
    createdAtMs: nowMs,
  }
}

/** The definition after an edit; the same object if nothing changes. Throws `ILLEGAL_ARGUMENT`. */
export function editedGroup(before: GroupDefinition, edit: GroupEdit): GroupDefinition {
  const settings = settingsOf(edit, before)
  const paused = parsePaused(edit.paused, before.paused)
  const same =
    settings.maxAttempts === before.maxAttempts &&
    settings.invisibleMs === before.invisibleMs &&
    settings.retryDelaysMs.join() === before.retryDelaysMs.join() &&
    paused === before.paused
  return same ? before : { ...before, ...settings, paused, version: before.version + 1 }
}

/** The wait before the next delivery, after `attempts` of them have failed. */
export function retryDelayMs(group: GroupDefinition, attempts: number): number {
  const { retryDelaysMs } = group
  return retryDelaysMs[Math.min(attempts, retryDelaysMs.length) - 1] ?? 0
}

type Settings = Pick<GroupDefinition, 'maxAttempts' | 'invisibleMs' | 'retryDelaysMs'>

function settingsOf(wish: Settings, otherwise: Settings): Settings {
  const maxAttempts = wish.maxAttempts === 0 ? otherwise.maxAttempts : wish.maxAttempts
  const invisibleMs = wish.invisibleMs === 0 ? otherwise.invisibleMs : wish.invisibleMs
  const retryDelaysMs =
    wish.retryDelaysMs.length === 0 ? otherwise.retryDelaysMs : wish.retryDelaysMs
  checkRange('maxAttempts', maxAttempts, [1, MAX_ATTEMPTS])
  checkRange('invisibleMs', invisibleMs, [limits.invisibleMinMs, limits.invisibleMaxMs])
  checkRange('the number of retry delays', retryDelaysMs.length, [1, MAX_RETRY_DELAYS])
  for (const delayMs of retryDelaysMs) {
    checkRange('a retry delay', delayMs, [0, limits.retryDelayMaxMs])
  }
  return { maxAttempts, invisibleMs, retryDelaysMs }
}

function checkRange(what: string, value: number, [least, most]: readonly [number, number]): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return
  throw new CometError('ILLEGAL_ARGUMENT', `${what} is ${value}; give ${least} to ${most}`)
}

function parseStart({ start, startTimestampMs }: GroupWish): StartPosition {
  switch (start) {
    case '':
    case 'latest':
      return { kind: 'latest' }
    case 'earliest':
      return { kind: 'earliest' }
    case 'timestamp':
      checkRange('startTimestampMs', startTimestampMs, [0, Number.MAX_SAFE_INTEGER])
      return { kind: 'timestamp', timestampMs: startTimestampMs }
    default:
      throw new CometError(
        'ILLEGAL_ARGUMENT',
        `start is "${start}"; say earliest, latest or timestamp`,
      )
  }
}

function parsePaused(text: string, otherwise: boolean): boolean {
  if (text === '') return otherwise
  if (text === 'true') return true
  if (text === 'false') return false
  throw new CometError('ILLEGAL_ARGUMENT', `paused is "${text}"; say true or false`)
}
