import type { ProgressRow } from '../deliver/progress-row.ts'

interface Range {
  readonly from: number
  readonly to: number
}

/** What has become of a message, from the least to the most final. */
type Fate =
  | { readonly kind: 'attempted'; readonly attempts: number }
  | { readonly kind: 'parked'; readonly attempts: number; readonly reason: string }
  | { readonly kind: 'done' }

type Piece = Range & { readonly fate: Fate }

/**
 * What two brokers know of one group's progress in one queue: done is what either has seen done; of
 * everything else the most attempts count, and what one has given up on is given up on.
 *
 * In whatever order, and however often rows are merged, the same comes out; and nothing that was done
 * in one of them is not done then.
 */
export function mergeProgress(left: ProgressRow, right: ProgressRow): ProgressRow {
  const [ours, theirs] = [piecesOf(left), piecesOf(right)]
  const cuts = [...new Set([...ours, ...theirs].flatMap(({ from, to }) => [from, to]))]
  cuts.sort((a, b) => a - b)
  const [first, second] = [new Walk(ours), new Walk(theirs)]
  const merged: Piece[] = []
  for (const [index, from] of cuts.slice(0, -1).entries()) {
    const to = cuts[index + 1] as number
    const fate = worse(first.at(from), second.at(from))
    if (fate === undefined) continue
    const last = merged.at(-1)
    if (last?.to === from && isSame(last.fate, fate)) merged[merged.length - 1] = { ...last, to }
    else merged.push({ from, to, fate })
  }
  return rowOf(merged)
}

/** Everything of a row, ascending; the pieces do not overlap. */
function piecesOf({ doneBelow, done, attempted, parked = [] }: ProgressRow): Piece[] {
  const pieces: Piece[] = [
    { from: 0, to: doneBelow, fate: { kind: 'done' } },
    ...done.map((range) => ({ ...range, fate: { kind: 'done' as const } })),
    ...attempted.map(({ from, to, attempts }) => ({
      from,
      to,
      fate: { kind: 'attempted' as const, attempts },
    })),
    ...parked.map(({ from, to, attempts, reason }) => ({
      from,
      to,
      fate: { kind: 'parked' as const, attempts, reason },
    })),
  ]
  return pieces.filter(({ from, to }) => from < to).sort((a, b) => a.from - b.from)
}

/** Looks pieces up at ascending places. */
class Walk {
  readonly #pieces: readonly Piece[]
  #next = 0

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces
  }

  at(offset: number): Fate | undefined {
    let piece = this.#pieces[this.#next]
    while (piece !== undefined && piece.to <= offset) piece = this.#pieces[++this.#next]
    return piece !== undefined && piece.from <= offset ? piece.fate : undefined
  }
}

const RANK = { attempted: 1, parked: 2, done: 3 } as const

function worse(left: Fate | undefined, right: Fate | undefined): Fate | undefined {
  if (left === undefined || right === undefined) return left ?? right
  if (left.kind === 'done' || right.kind === 'done') return { kind: 'done' }
  if (RANK[left.kind] !== RANK[right.kind]) return RANK[left.kind] > RANK[right.kind] ? left : right
  if (left.attempts !== right.attempts) return left.attempts > right.attempts ? left : right
  // Equally final: any rule will do that does not ask who comes first.
  return reasonOf(left) >= reasonOf(right) ? left : right
}

function reasonOf(fate: Fate): string {
  return fate.kind === 'parked' ? fate.reason : ''
}

function isSame(left: Fate, right: Fate): boolean {
  if (left.kind !== right.kind) return false
  if (left.kind === 'done' || right.kind === 'done') return true
  return left.attempts === right.attempts && reasonOf(left) === reasonOf(right)
}

function rowOf(pieces: readonly Piece[]): ProgressRow {
  let doneBelow = 0
  const done: Range[] = []
  const attempted: (Range & { readonly attempts: number })[] = []
  const parked: (Range & { readonly attempts: number; readonly reason: string })[] = []
  for (const { from, to, fate } of pieces) {
    switch (fate.kind) {
      case 'done':
        if (from === 0) doneBelow = to
        else done.push({ from, to })
        break
      case 'attempted':
        attempted.push({ from, to, attempts: fate.attempts })
        break
      case 'parked':
        parked.push({ from, to, attempts: fate.attempts, reason: fate.reason })
        break
    }
  }
  const row = { doneBelow, done, attempted }
  return parked.length === 0 ? row : { ...row, parked }
}
