/** An epoch that a member has seen begin. */
export interface MasterChange {
  readonly epoch: number
  readonly master: number
  /** 0: there was none. */
  readonly previousMaster: number
  readonly reason: string
  /** By the clock on the wall: for people. 0: before this process looked on. */
  readonly atMs: number
  /** Known to the one that won, once what earlier epochs left is confirmed. */
  readonly times: ChangeTimes | undefined
}

export interface ChangeTimes {
  /** How long the master before had said nothing when its end was noticed. */
  readonly silentMs: number
  /** From there on. */
  readonly tookMs: number
}

export function durationsOf(
  sign: { readonly atMs: number; readonly silentMs: number } | undefined,
  nowMs: number,
): ChangeTimes {
  return {
    silentMs: Math.round(sign?.silentMs ?? 0),
    tookMs: Math.round(nowMs - (sign?.atMs ?? nowMs)),
  }
}
