/**
 * Files as the store needs them.
 *
 * What was written is durable after `sync` has returned, a new name or a removed one after
 * `syncDirectory`. Everything else may be gone, or partly there, after a power cut. Paths use `/`.
 *
 * Failures are `CometError`: `DISK_FULL` when there is no space; `STORE_UNUSABLE` otherwise, with
 * path and cause. A file that is missing where it must be there is `STORE_UNUSABLE`, too.
 */
export interface FileSystem {
  /** Opens for reading and writing. `create` makes the file if it is missing. */
  openFile(path: string, options?: { readonly create?: boolean }): Promise<File>

  /** With all folders above it; fine if it is there. */
  makeDirectory(path: string): Promise<void>

  /** Names in the folder, sorted; empty if the folder is missing. */
  list(path: string): Promise<string[]>

  /** A whole small file, or `undefined` if it is missing. */
  readFile(path: string): Promise<Buffer | undefined>

  /** Replaces a whole small file so that after a crash it is the old or the new one, durably. */
  replaceFile(path: string, content: Buffer): Promise<void>

  /** Removes a file; fine if it is missing. */
  removeFile(path: string): Promise<void>

  /** Removes a folder with all that is in it; fine if it is missing. */
  removeDirectory(path: string): Promise<void>

  syncDirectory(path: string): Promise<void>

  /** Bytes that may still be written below `path`. */
  freeBytes(path: string): Promise<number>

  /**
   * Takes the folder for this process until released or until the process ends, however it ends.
   * Throws `STORE_LOCKED` if another holds it.
   */
  lockDirectory(path: string): Promise<DirectoryLock>
}

export interface DirectoryLock {
  release(): Promise<void>
}

export interface File {
  readonly path: string

  size(): Promise<number>

  /**
   * Reads into `target` from `position` until it is full or the file ends; resolves to the bytes
   * read. Reading at or past the end reads 0 bytes.
   */
  readAt(target: Buffer, position: number): Promise<number>

  /**
   * Writes the buffers one after the other at `position`. Resolves when the system has all of it;
   * it is then readable, and durable after `sync`. After a failure any part may have been written.
   */
  writeAt(buffers: readonly Buffer[], position: number): Promise<void>

  /** Makes all that was written durable. A failed sync is never repeated: the pages may be lost. */
  sync(): Promise<void>

  /** Shortens, or lengthens with zeros. */
  truncate(sizeBytes: number): Promise<void>

  close(): Promise<void>
}
