import assert from 'node:assert/strict'
import { CometError, toCometError } from '@cometmq/protocol'
import type { File, FileSystem, Logger } from '@cometmq/runtime'
import {
  decodeOverlay,
  encodeOverlayChanges,
  encodeOverlayId,
  type OverlayId,
} from './overlay-records.ts'
import { OverlayRows, type RowChange } from './overlay-rows.ts'

/** Rows in one record, when the file is written anew. */
const CHANGES_PER_RECORD = 1_000

/** A file that has grown so far beyond its rows is written anew. */
const REWRITE = { leastBytes: 8 * 1024 * 1024, times: 4 }

export interface OverlayPorts {
  readonly files: FileSystem
  readonly log: Logger
  /** What is on disk is not known any more; the process should end. */
  readonly failed: (error: CometError) => void
}

export interface OverlayHome {
  /** Where replication keeps its files beside the log; the store has made it. */
  readonly folder: string
  readonly storeId: string
  /** See `REWRITE`; smaller in tests. */
  readonly rewriteLeastBytes?: number
}

interface Waiting {
  readonly changes: readonly RowChange[]
  readonly resolve: () => void
  readonly reject: (error: CometError) => void
}

/**
 * What a slave was told while it stood in for its master, in one append-only file beside the log, to
 * which it may not write. All of its rows are in memory as well.
 *
 * Calls that are not `append` must not overlap, nor be made while appends are under way.
 */
export class Overlay {
  readonly #files: FileSystem
  readonly #home: OverlayHome
  readonly #failed: (error: CometError) => void
  readonly #rows = new OverlayRows()
  #id: OverlayId | undefined
  #file: File | undefined
  #bytes = 0
  #waiting: Waiting[] = []
  #writing: Promise<void> | undefined
  #failure: CometError | undefined

  private constructor(ports: OverlayPorts, home: OverlayHome) {
    this.#files = ports.files
    this.#failed = ports.failed
    this.#home = home
  }

  /** Reads what an earlier process has left. Throws `STORE_CORRUPT`, and what the disk says. */
  static async open(ports: OverlayPorts, home: OverlayHome): Promise<Overlay> {
    const { files, log } = ports
    const overlay = new Overlay(ports, home)
    const bytes = await files.readFile(overlay.#path)
    if (bytes === undefined) return overlay
    const content = decodeOverlay(bytes, overlay.#path)
    overlay.#id = content.id
    for (const change of content.changes) {
      assert.ok(change.kind !== 'delete-range', 'an overlay changes rows one by one')
      overlay.#rows.apply(change)
    }
    const file = await files.openFile(overlay.#path)
    overlay.#file = file
    overlay.#bytes = content.bytes
    if (content.bytes < bytes.length) {
      const tornBytes = bytes.length - content.bytes
      log.warn({ path: overlay.#path, tornBytes }, 'the torn end of an overlay is cut')
      await file.truncate(content.bytes)
      await file.sync()
    }
    return overlay
  }

  /** Of what is kept; `undefined`: nothing is. */
  get id(): OverlayId | undefined {
    return this.#id
  }

  get rows(): OverlayRows {
    return this.#rows
  }

  /**
   * What is appended from now on belongs to that number, and all that was kept before as well. Throws
   * what the disk says; then nothing can be appended, and it may be tried again.
   */
  async begin(number: number): Promise<void> {
    assert.ok(number > (this.#id?.number ?? 0), 'an overlay goes on under a used number')
    const id = { storeId: this.#home.storeId, number }
    await this.#rewrite(id)
    this.#id = id
  }

  /**
   * Resolves when the changes are durable; they are in `rows` then. Rejects with `DISK_FULL` if
   * nothing has happened, with `STORE_UNUSABLE` when a sync has failed and the process should end.
   */
  append(changes: readonly RowChange[]): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.#file === undefined) {
      return Promise.reject(new CometError('READ_ONLY', 'this slave does not stand in'))
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.push({ changes, resolve, reject })
    this.#writing ??= this.#write()
    return promise
  }

  /** Forgets everything, durably. */
  async drop(): Promise<void> {
    await this.#closeFile()
    await this.#files.removeFile(this.#path)
    await this.#files.syncDirectory(this.#home.folder)
    this.#id = undefined
    this.#rows.clear()
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#closeFile()
  }

  get #path(): string {
    return `${this.#home.folder}/overlay`
  }

  /** One write and one sync for everything that waits. */
  async #write(): Promise<void> {
    // What else comes in this turn goes along.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const taken = this.#waiting
      this.#waiting = []
      try {
        await this.#persist(taken.flatMap(({ changes }) => changes))
      } catch (thrown) {
        const error = toCometError(thrown)
        for (const { reject } of taken) reject(error)
        continue
      }
      for (const { resolve } of taken) resolve()
    }
    this.#writing = undefined
  }

  async #persist(changes: readonly RowChange[]): Promise<void> {
    const file = this.#file
    if (this.#failure !== undefined) throw this.#failure
    if (file === undefined) throw new CometError('READ_ONLY', 'this slave does not stand in')
    const record = encodeOverlayChanges(changes)
    try {
      await file.writeAt([record], this.#bytes)
    } catch (thrown) {
      // A part of it may be there, and must not follow what is written next.
      await this.#orFail(() => file.truncate(this.#bytes))
      throw thrown
    }
    await this.#orFail(() => file.sync())
    this.#bytes += record.length
    for (const change of changes) this.#rows.apply(change)
    const id = this.#id
    if (id !== undefined && this.#isOvergrown) await this.#orFail(() => this.#rewrite(id))
  }

  get #isOvergrown(): boolean {
    const { rewriteLeastBytes = REWRITE.leastBytes } = this.#home
    const { bytes } = this.#rows
    return this.#bytes > rewriteLeastBytes && this.#bytes > REWRITE.times * bytes
  }

  /** The file with nothing but the present rows. */
  async #rewrite(id: OverlayId): Promise<void> {
    const changes = [...this.#rows.changes()]
    const records = [encodeOverlayId(id)]
    for (let at = 0; at < changes.length; at += CHANGES_PER_RECORD) {
      records.push(encodeOverlayChanges(changes.slice(at, at + CHANGES_PER_RECORD)))
    }
    const content = Buffer.concat(records)
    await this.#closeFile()
    await this.#files.replaceFile(this.#path, content)
    this.#file = await this.#files.openFile(this.#path)
    this.#bytes = content.length
  }

  /** After such a failure it is not known what is on disk. */
  async #orFail(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (thrown) {
      const why = 'the overlay cannot be written'
      this.#failure = new CometError('STORE_UNUSABLE', why, { cause: thrown })
      this.#failed(this.#failure)
      throw this.#failure
    }
  }

  async #closeFile(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }
}
