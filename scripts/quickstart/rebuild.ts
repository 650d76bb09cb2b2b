import type { SourceFile } from './source-files.ts'
import type { SpooledLine } from './spool.ts'

export interface Rebuilt {
  /** Path → content put together from received lines alone. */
  readonly files: ReadonlyMap<string, Buffer>
  /** Deliveries beyond the first of their message. */
  readonly redeliveries: number
  readonly messages: number
}

/** Line numbers restore the order, message identity removes redeliveries. */
export function rebuildFiles(entries: Iterable<SpooledLine>): Rebuilt {
  const seen = new Set<string>()
  const linesByFile = new Map<string, SpooledLine[]>()
  let redeliveries = 0
  for (const entry of entries) {
    if (seen.has(entry.messageId)) {
      redeliveries++
      continue
    }
    seen.add(entry.messageId)
    const lines = linesByFile.get(entry.file)
    if (lines === undefined) linesByFile.set(entry.file, [entry])
    else lines.push(entry)
  }
  const files = new Map<string, Buffer>()
  for (const [file, lines] of linesByFile) {
    lines.sort((a, b) => a.line - b.line)
    files.set(file, Buffer.concat(lines.map(({ bytes }) => bytes)))
  }
  return { files, redeliveries, messages: seen.size }
}

/** The paths whose rebuilt content is not, byte for byte, that of the source. */
export function differingFiles(
  sources: readonly SourceFile[],
  rebuilt: ReadonlyMap<string, Buffer>,
): string[] {
  const differing = sources.filter(({ path, bytes }) => !rebuilt.get(path)?.equals(bytes))
  const known = new Set(sources.map(({ path }) => path))
  const invented = [...rebuilt.keys()].filter((path) => !known.has(path))
  return [...differing.map(({ path }) => path), ...invented]
}
