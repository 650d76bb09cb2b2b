import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

/** A tracked text file: its path below the repository and its bytes. */
export interface SourceFile {
  readonly path: string
  readonly bytes: Buffer
}

/**
 * Every text file that git tracks in the repository at `root`, as it lies there. A file with a zero
 * byte is not text; an empty one has no lines to send. Both are left out, and counted.
 */
export async function readTrackedTextFiles(
  root: string,
): Promise<{ files: SourceFile[]; skippedBinary: number; skippedEmpty: number }> {
  const { stdout } = await promisify(execFile)('git', ['ls-files', '-z'], {
    cwd: root,
    maxBuffer: 64 << 20,
  })
  const files: SourceFile[] = []
  let skippedBinary = 0
  let skippedEmpty = 0
  for (const name of stdout.split('\0').filter((entry) => entry.length > 0)) {
    const bytes = await readFile(path.join(root, name)).catch(() => undefined)
    // Tracked but deleted in the work tree, or a submodule: nothing to send.
    if (bytes === undefined) continue
    if (bytes.length === 0) skippedEmpty++
    else if (bytes.includes(0)) skippedBinary++
    else files.push({ path: name, bytes })
  }
  return { files, skippedBinary, skippedEmpty }
}

/** The lines of a file, each with its line feed; together they are the file again. */
export function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = []
  let start = 0
  while (start < bytes.length) {
    const feed = bytes.indexOf(0x0a, start)
    const end = feed < 0 ? bytes.length : feed + 1
    lines.push(bytes.subarray(start, end))
    start = end
  }
  return lines
}
