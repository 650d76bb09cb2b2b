import type { SeededRandom, SimulatedMachine } from '@cometmq/simulation'

const FOLDER = '/data/log'

/** A bit of a log that is another on the disk of one machine. */
export class FlippedBit {
  /** Where in the log. */
  readonly at: number
  readonly #machine: SimulatedMachine
  readonly #place: { readonly path: string; readonly at: number }
  readonly #flipped: number | undefined

  private constructor(machine: SimulatedMachine, start: number, inFile: number, bit: number) {
    this.at = start + inFile
    this.#machine = machine
    this.#place = { path: `${FOLDER}/${String(start).padStart(20, '0')}`, at: inFile }
    machine.disk.flipBit(this.#place.path, { at: inFile, bit })
    this.#flipped = this.#byte
  }

  /** Turns one in `[from, to)`; `undefined` if the log holds nothing there. */
  static within(
    { from, to }: { readonly from: number; readonly to: number },
    machine: SimulatedMachine,
    random: SeededRandom,
  ): FlippedBit | undefined {
    const starts = machine.disk.names(FOLDER).map(Number)
    const pieces = starts
      .map((start, index) => ({
        start,
        from: Math.max(start, from),
        to: Math.min(starts[index + 1] ?? to, to),
      }))
      .filter((piece) => piece.from < piece.to)
    const piece = pieces[random.below(pieces.length)]
    if (piece === undefined) return undefined
    const at = piece.from + random.below(piece.to - piece.from)
    return new FlippedBit(machine, piece.start, at - piece.start, random.below(8))
  }

  /** Whether it still is, as whoever reads the file sees it. */
  get isThere(): boolean {
    return this.#byte === this.#flipped
  }

  get #byte(): number | undefined {
    return this.#machine.disk.byteAt(this.#place.path, this.#place.at)
  }
}
