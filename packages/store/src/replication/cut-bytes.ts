import { CometError } from '@cometmq/protocol'
import type { FileSystem, Logger } from '@cometmq/runtime'
import type { CommitLog } from '../commit-log/commit-log.ts'

const PIECE_BYTES = 1024 * 1024

export interface Cut {
  readonly from: number
  readonly to: number
  /** Of the last record that goes. */
  readonly epoch: number
}

export interface Keeping {
  readonly cut: Cut
  readonly keptBytes: number
  /** What is logged, with these fields. */
  readonly what: string
  readonly fields?: Readonly<Record<string, unknown>>
}

/**
 * Copies what is about to be cut from the log to a file of its own, deletes older such files beyond
 * `keptBytes`, and logs it: somebody will ask. Without room for a copy it goes all the same, as a
 * member that cannot follow is of no use.
 */
export async function keepCutBytes(
  { files, log }: { readonly files: FileSystem; readonly log: Logger },
  source: CommitLog,
  folder: string,
  { cut, keptBytes, what, fields }: Keeping,
): Promise<void> {
  const { from, to } = cut
  const told = { from, to, bytes: to - from, ...fields }
  try {
    const kept = await copyCut(files, source, folder, { cut, keptBytes })
    log.warn({ ...told, path: kept.path, keptBytes: kept.bytes }, what)
  } catch (error) {
    if (!(error instanceof CometError) || error.code !== 'DISK_FULL') throw error
    log.warn({ ...told, error }, `${what}, and there is no room to keep it`)
  }
}

async function copyCut(
  files: FileSystem,
  source: CommitLog,
  folder: string,
  { cut, keptBytes }: Pick<Keeping, 'cut' | 'keptBytes'>,
): Promise<{ readonly path: string; readonly bytes: number }> {
  const path = `${folder}/${cutName(cut)}`
  const bytes = Math.min(cut.to - cut.from, keptBytes)
  const file = await files.openFile(path, { create: true })
  try {
    await file.truncate(0)
    const piece = Buffer.allocUnsafeSlow(PIECE_BYTES)
    for (let done = 0; done < bytes; ) {
      const wanted = piece.subarray(0, Math.min(PIECE_BYTES, bytes - done))
      const readBytes = await source.read(wanted, cut.from + done)
      await file.writeAt([wanted.subarray(0, readBytes)], done)
      done += readBytes
    }
    await file.sync()
  } catch (error) {
    // Half a copy is none.
    await files.removeFile(path)
    throw error
  } finally {
    await file.close()
  }
  await files.syncDirectory(folder)
  await deleteOlder(files, folder, keptBytes)
  return { path, bytes }
}

/**
 * The newest are those of the highest epoch; of one epoch, in which a start in doubt may cut again, those
 * that lie furthest.
 */
async function deleteOlder(files: FileSystem, folder: string, keptBytes: number): Promise<void> {
  const names = (await files.list(folder)).filter((name) => parseCutName(name) !== undefined)
  let bytes = 0
  for (const name of names.toSorted(newestFirst)) {
    bytes += await sizeOf(files, `${folder}/${name}`)
    if (bytes > keptBytes) await files.removeFile(`${folder}/${name}`)
  }
}

async function sizeOf(files: FileSystem, path: string): Promise<number> {
  const file = await files.openFile(path)
  try {
    return await file.size()
  } finally {
    await file.close()
  }
}

function cutName({ epoch, from }: Cut): string {
  return `cut.${epoch}.${from}`
}

function parseCutName(name: string): { readonly epoch: number; readonly from: number } | undefined {
  const [, epoch, from] = /^cut\.(\d{1,16})\.(\d{1,16})$/.exec(name) ?? []
  if (epoch === undefined || from === undefined) return undefined
  return { epoch: Number(epoch), from: Number(from) }
}

function newestFirst(one: string, other: string): number {
  const [a, b] = [parseCutName(one), parseCutName(other)]
  return (b?.epoch ?? 0) - (a?.epoch ?? 0) || (b?.from ?? 0) - (a?.from ?? 0)
}
