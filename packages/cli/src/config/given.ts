/** A value and where it was given. */
export interface Given {
  readonly path: readonly string[]
  readonly value: unknown
  /** As `Mistake.source`. */
  readonly source: string
}
