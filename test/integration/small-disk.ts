import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'

const MIB = 2 ** 20

/** A file system of its own, so small that a test can fill it, and in it a file that keeps space free. */
export class SmallDisk implements AsyncDisposable {
  readonly directory: string
  /** Whoever is broken off in the middle leaves no mount behind. */
  readonly #unmountAtExit = (): void => unmount(this.directory)

  private constructor(directory: string) {
    this.directory = directory
    process.once('exit', this.#unmountAtExit)
  }

  /** Whether this process may mount file systems: root may not in every container. */
  static canBeMade(): boolean {
    if (process.platform !== 'linux') return false
    const directory = mkdtempSync(path.join(tmpdir(), 'cometmq-mount-'))
    try {
      mount(directory, 1)
      unmount(directory)
      return true
    } catch {
      return false
    } finally {
      rmdirSync(directory)
    }
  }

  static async make(
    directory: string,
    mebibytes: { readonly size: number; readonly ballast: number },
  ): Promise<SmallDisk> {
    await mkdir(directory)
    mount(directory, mebibytes.size)
    const disk = new SmallDisk(directory)
    await writeFile(disk.#ballast, Buffer.alloc(mebibytes.ballast * MIB))
    return disk
  }

  /** Somebody else writes to the disk, until so much is left. */
  async leaveFree(mebibytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.directory)
    const bytes = bavail * bsize - mebibytes * MIB
    if (bytes > 0) await writeFile(this.#filler, Buffer.alloc(bytes))
  }

  /** He deletes it again. */
  async takeFillerAway(): Promise<void> {
    await rm(this.#filler, { force: true })
  }

  /** What an operator does. */
  async freeSpace(): Promise<void> {
    await rm(this.#ballast)
  }

  /** Also while a process still uses it. */
  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#unmountAtExit)
    unmount(this.directory)
  }

  get #filler(): string {
    return path.join(this.directory, 'filler')
  }

  get #ballast(): string {
    return path.join(this.directory, 'ballast')
  }
}

function mount(directory: string, mebibytes: number): void {
  const args = ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', directory]
  execFileSync('mount', args, { stdio: 'ignore' })
}

function unmount(directory: string): void {
  execFileSync('umount', ['--lazy', directory], { stdio: 'ignore' })
}
