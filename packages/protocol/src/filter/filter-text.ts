/** How somebody says which messages of a topic are wanted. */
export interface FilterText {
  /** Tags joined by `||`; `*` or nothing: all. Not looked at where there is SQL. */
  readonly filter: string
  /** A condition on properties, tag and keys. */
  readonly sql?: string | undefined
}

/** Which of a batch's messages are wanted: all, none, or by index. */
export type Matches = 'all' | 'none' | ((index: number) => boolean)

/** Whether two filters in normal form want the same messages. */
export function isSameFilter(left: FilterText, right: FilterText): boolean {
  return left.filter === right.filter && (left.sql ?? '') === (right.sql ?? '')
}
