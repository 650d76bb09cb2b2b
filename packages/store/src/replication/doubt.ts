import type { FileSystem } from '@cometmq/runtime'

/**
 * A start has cut what may have been acknowledged. That outlives the start: if it dies before the member
 * has noted that it is not to be trusted, the next one finds nothing in the log that says so.
 */
export async function noteDoubt(
  files: FileSystem,
  folder: string,
  cut: { readonly from: number; readonly to: number },
): Promise<void> {
  await files.replaceFile(doubtPath(folder), Buffer.from(`${JSON.stringify(cut)}\n`))
}

export async function isInDoubt(files: FileSystem, folder: string): Promise<boolean> {
  return (await files.readFile(doubtPath(folder))) !== undefined
}

/** Whoever asks has noted it. */
export async function settleDoubt(files: FileSystem, folder: string): Promise<void> {
  if (!(await isInDoubt(files, folder))) return
  await files.removeFile(doubtPath(folder))
  await files.syncDirectory(folder)
}

function doubtPath(folder: string): string {
  return `${folder}/in-doubt`
}
