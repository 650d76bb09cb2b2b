import { layout, peekRecord } from '@cometmq/protocol'
import type { CommitLog } from '../commit-log/commit-log.ts'

const MAGIC = Buffer.from('CMTB')
const WINDOW_BYTES = 1024 * 1024
/** A header that straddles two windows is found in the second: longer than any is. */
const OVERLAP_BYTES = 1024

/**
 * Where the first record begins that can be made out in `[from, to)`, which lies in one segment; else
 * where that segment ends: there one begins again.
 */
export async function nextRecord(
  log: CommitLog,
  range: { readonly from: number; readonly to: number },
  pause: () => Promise<void>,
): Promise<number> {
  const { from, to } = range
  const segment = log.segmentAt(from)
  if (segment === undefined) return to
  for (let at = from; at < Math.min(to, segment.end); ) {
    const window = Buffer.allocUnsafeSlow(Math.min(WINDOW_BYTES, segment.end - at))
    const bytes = window.subarray(0, await log.read(window, at))
    const found = firstIn(bytes, at)
    if (found !== undefined) return found
    if (bytes.length <= OVERLAP_BYTES) break
    at += bytes.length - OVERLAP_BYTES
    await pause()
  }
  return segment.end
}

function firstIn(bytes: Buffer, start: number): number | undefined {
  for (let at = bytes.indexOf(MAGIC); at !== -1; at = bytes.indexOf(MAGIC, at + 1)) {
    if (peekRecord(bytes, at).kind !== 'record') continue
    if (Number(bytes.readBigUInt64LE(at + layout.logOffset)) === start + at) return start + at
  }
  return undefined
}
