import process from 'node:process'

/**
 * Milliseconds on the clock that all processes of this machine share, and that nobody sets: what one
 * of them wrote down can be compared with what another did.
 */
export function sharedNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** The same moment for a time of day that was just read off a log. */
export function sharedMsOf(timeOfDay: string): number {
  return sharedNowMs() - (Date.now() - Date.parse(timeOfDay))
}
