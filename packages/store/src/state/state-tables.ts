/** One named table: the rows as of all applied records. */
export interface StateTable {
  get(key: Buffer): Buffer | undefined

  /** Rows with a key in `[from, to)`, by key, as of the first step of the iteration. */
  entries(range?: TableRange): AsyncIterable<readonly [key: Buffer, value: Buffer]>
}

export interface TableRange {
  readonly from?: Buffer
  readonly to?: Buffer
  readonly reverse?: boolean
  readonly limit?: number
}
