/**
 * Sorted rows on disk, for state that can be derived again. Keys sort byte by byte.
 *
 * A batch is applied whole or not at all. A power cut may undo the latest batches, the newest
 * first, so a batch carries the mark up to which its rows hold.
 */
export interface KeyValueStores {
  /**
   * Opens or makes the store in that folder. Throws `STORE_UNUSABLE` if it is damaged, and `DISK_FULL`
   * when there is no space, which leaves what is there as it was.
   */
  open(path: string): Promise<KeyValueStore>
}

export interface KeyValueStore {
  /** Reads one row at once, without a turn of the event loop. */
  get(key: Buffer): Buffer | undefined

  /** Rows with a key in `[from, to)`, ascending, or descending with `reverse`. */
  entries(range: KeyRange): AsyncIterable<readonly [key: Buffer, value: Buffer]>

  /**
   * Rejects with `DISK_FULL` if nothing was applied for lack of space; the store goes on. After
   * `STORE_UNUSABLE` nothing may be applied any more.
   */
  apply(operations: readonly KeyValueOperation[]): Promise<void>

  close(): Promise<void>
}

export interface KeyRange {
  readonly from: Buffer
  readonly to: Buffer
  readonly reverse?: boolean
  readonly limit?: number
}

export type KeyValueOperation =
  | { readonly kind: 'put'; readonly key: Buffer; readonly value: Buffer }
  | { readonly kind: 'delete'; readonly key: Buffer }
