import { type CommitLogOffset, type EpochEntry, EpochHistory } from '@cometmq/protocol'
import type { FileSystem } from '@cometmq/runtime'
import { encodeEpochs, parseEpochs } from './lineage-text.ts'

/**
 * The epoch history of this log, and the file that keeps it. Each change is durable before it counts.
 *
 * After a failure the file may have either history: the store has to stop, unless the disk was full.
 */
export class EpochFile {
  readonly #files: FileSystem
  readonly #path: string
  #history: EpochHistory

  private constructor(files: FileSystem, path: string, history: EpochHistory) {
    this.#files = files
    this.#path = path
    this.#history = history
  }

  /** What the file says; `undefined` if it is missing or damaged. */
  static async read(files: FileSystem, folder: string): Promise<EpochHistory | undefined> {
    const bytes = await files.readFile(epochsPath(folder))
    return bytes === undefined ? undefined : parseEpochs(bytes)
  }

  /** Writes the history unless it is what the file says. */
  static async open(
    files: FileSystem,
    folder: string,
    history: EpochHistory,
    found: EpochHistory | undefined,
  ): Promise<EpochFile> {
    const file = new EpochFile(files, epochsPath(folder), found ?? EpochHistory.empty)
    if (found === undefined) await file.#write(history)
    else await file.#keep(history)
    return file
  }

  get history(): EpochHistory {
    return this.#history
  }

  /** Before the first byte of that epoch is written. Throws `STALE_EPOCH`, see `EpochHistory`. */
  append(entry: EpochEntry): Promise<void> {
    return this.#keep(this.#history.append(entry))
  }

  /** The log was cut there. */
  truncate(to: CommitLogOffset): Promise<void> {
    return this.#keep(this.#history.truncate(to))
  }

  /** Everything below was deleted. */
  retain(minOffset: CommitLogOffset): Promise<void> {
    return this.#keep(this.#history.retain(minOffset))
  }

  async #keep(history: EpochHistory): Promise<void> {
    if (!isSame(history, this.#history)) await this.#write(history)
  }

  async #write(history: EpochHistory): Promise<void> {
    await this.#files.replaceFile(this.#path, encodeEpochs(history))
    this.#history = history
  }
}

export function epochsPath(folder: string): string {
  return `${folder}/epochs`
}

function isSame(one: EpochHistory, other: EpochHistory): boolean {
  return (
    one.entries.length === other.entries.length && one.entries.every((entry) => other.has(entry))
  )
}
