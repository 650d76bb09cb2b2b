import type { FileSystem } from '@cometmq/runtime'
import type { CommitLog } from '../commit-log/commit-log.ts'

const PIECE_BYTES = 1024 * 1024

export interface Cut {
  readonly from: number
  readonly to: number
  /** Of the last record that goes. */
  readonly epoch: number
}

/**
 * Copies what is about to be cut from the log to a file of its own, and deletes older such files
 * beyond `keptBytes`. Nobody was told that it was stored, but somebody will ask.
 *
 * Resolves to the file, and how much of it there was room for.
 */
export async function keepCutBytes(
  ports: { readonly files: FileSystem },
  source: CommitLog,
  folder: string,
  options: { readonly cut: Cut; readonly keptBytes: number },
): Promise<{ readonly path: string; readonly bytes: number }> {
  const { files } = ports
  const { cut, keptBytes } = options
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

/** The newest are those of the highest epoch: of one epoch, a member cuts at most once. */
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
