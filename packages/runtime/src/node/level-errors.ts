import { CometError } from '@cometmq/protocol'

/** Why a database cannot be opened. `DISK_FULL` leaves what is there as it was. */
export function failureToOpen(what: string, error: unknown): CometError {
  const { code, cause } = levelCause(error)
  // The code is the same for all that a system may say.
  if (cause instanceof Error && /no space left|quota exceeded/i.test(cause.message)) {
    return new CometError('DISK_FULL', `cannot ${what}: no space left`, { cause })
  }
  return new CometError('STORE_UNUSABLE', `cannot ${what}: ${code}`, { cause })
}

/** Level wraps what the database itself said, once or twice. */
export function levelCause(error: unknown): { readonly code: string; readonly cause: unknown } {
  let cause = error
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause
  const code =
    cause instanceof Error && 'code' in cause && typeof cause.code === 'string'
      ? cause.code
      : String(cause)
  return { code, cause }
}
