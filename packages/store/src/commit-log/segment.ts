import type { File, FileSystem } from '@cometmq/runtime'

/** A segment is named after the log offset of its first byte. */
export function segmentName(start: number): string {
  return String(start).padStart(20, '0')
}

/** The start that a file's name gives, or `undefined` if it is no segment's name. */
export function parseSegmentName(name: string): number | undefined {
  if (!/^\d{20}$/.test(name)) return undefined
  const start = Number(name)
  return Number.isSafeInteger(start) ? start : undefined
}

/**
 * One file of the commit log, `[start, end)` of it, allocated to its full size when made.
 *
 * The file is opened when needed. It is closed when asked, but not under those who are using it.
 */
export class Segment {
  readonly start: number
  readonly bytes: number
  readonly path: string
  readonly #files: FileSystem
  readonly #folder: string
  #file: Promise<File> | undefined
  #users = 0
  #closeWhenUnused = false

  constructor(files: FileSystem, folder: string, extent: { start: number; bytes: number }) {
    this.#files = files
    this.#folder = folder
    this.start = extent.start
    this.bytes = extent.bytes
    this.path = `${folder}/${segmentName(extent.start)}`
  }

  /** Makes the file. Durable with its name after `syncDirectory` of the folder and a sync of it. */
  static async create(
    files: FileSystem,
    folder: string,
    extent: { start: number; bytes: number },
  ): Promise<Segment> {
    const segment = new Segment(files, folder, extent)
    const file = await files.openFile(segment.path, { create: true })
    segment.#file = Promise.resolve(file)
    // Emptied first: a file of that name can only be left over from a creation that failed.
    await file.truncate(0)
    await file.truncate(extent.bytes)
    return segment
  }

  get end(): number {
    return this.start + this.bytes
  }

  get isOpen(): boolean {
    return this.#file !== undefined
  }

  get isInUse(): boolean {
    return this.#users > 0
  }

  /** Reads from log offset `at` into the whole of `target`; resolves to the bytes there are. */
  read(target: Buffer, at: number): Promise<number> {
    return this.#use((file) => file.readAt(target, at - this.start))
  }

  write(buffers: readonly Buffer[], at: number): Promise<void> {
    return this.#use((file) => file.writeAt(buffers, at - this.start))
  }

  sync(): Promise<void> {
    return this.#use((file) => file.sync())
  }

  /** Makes everything from log offset `at` on zeros, durably. */
  clearFrom(at: number): Promise<void> {
    return this.#use(async (file) => {
      await file.truncate(at - this.start)
      await file.truncate(this.bytes)
      await file.sync()
    })
  }

  /** The same file at that size. This object is of no use afterwards. */
  async grownTo(bytes: number): Promise<Segment> {
    await this.#use((file) => file.truncate(bytes))
    await this.close()
    return new Segment(this.#files, this.#folder, { start: this.start, bytes })
  }

  async close(): Promise<void> {
    if (this.#users > 0) {
      this.#closeWhenUnused = true
      return
    }
    const file = this.#file
    this.#file = undefined
    this.#closeWhenUnused = false
    if (file !== undefined) await (await file).close()
  }

  async #use<T>(run: (file: File) => Promise<T>): Promise<T> {
    this.#users++
    try {
      this.#file ??= this.#files.openFile(this.path)
      return await run(await this.#file)
    } catch (error) {
      // A failed open must not be remembered as the file.
      if (this.#file !== undefined && !(await isFulfilled(this.#file))) this.#file = undefined
      throw error
    } finally {
      this.#users--
      if (this.#users === 0 && this.#closeWhenUnused) await this.close()
    }
  }
}

async function isFulfilled(promise: Promise<unknown>): Promise<boolean> {
  try {
    await promise
    return true
  } catch {
    return false
  }
}
