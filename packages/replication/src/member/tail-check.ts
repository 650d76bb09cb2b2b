import { crc32 } from 'node:zlib'
import { CometError, commitLogOffset } from '@cometmq/protocol'
import { asBuffer, receiveCheckpoint } from './checkpoint-parts.ts'
import type { LogMenderPorts } from './log-mender.ts'
import type { GroupName, TailSum } from './wire-frames.ts'

/** Between two parts of a master that reads its log for this. */
const SILENT_MS = 10_000

export interface TailToCheck {
  /** Of the master, on its port for members. */
  readonly master: string
  readonly group: GroupName
  /** What the master made of `[from, to)`. */
  readonly tail: TailSum
  readonly to: number
}

/**
 * Whether this log ends as that of its master does, which their histories say it does.
 *
 * Where the checksums differ, each side verifies its records first: a damaged one is mended, and says
 * nothing about lineage. `differs` only if both are intact. `unclear`: it has to be checked again.
 */
export async function checkTail(
  ports: LogMenderPorts,
  check: TailToCheck,
  closed: AbortSignal,
): Promise<'matches' | 'differs' | 'unclear'> {
  const { store, log } = ports
  const { tail, to, master } = check
  const { from, checksum } = tail
  if (from >= to || (await store.log.checksum(from, to)) === checksum) return 'matches'
  try {
    const damaged = await store.log.verify(from, to)
    if (damaged !== undefined) {
      log.warn({ from, to, damaged }, 'the end of the log is damaged, and is checked again')
      return 'unclear'
    }
    const theirs = await checksumOfMaster(ports, check, closed)
    // Either may have been mended since the welcome.
    return (await store.log.checksum(from, to)) === theirs ? 'matches' : 'differs'
  } catch (error) {
    log.warn(
      { from, to, master, error },
      'the end of the log cannot be compared, and is checked again',
    )
    return 'unclear'
  }
}

/** The master verifies what it sends, and tells its own mender of what is damaged. */
async function checksumOfMaster(
  { store, transport, methods, clock }: LogMenderPorts,
  { master, group, tail, to }: TailToCheck,
  closed: AbortSignal,
): Promise<number> {
  const begin = await store.log.recordHolding(commitLogOffset(tail.from))
  const silent = new AbortController()
  const giveUp = (): void => silent.abort(new CometError('TIMEOUT', `${master} sends nothing`))
  let timer = clock.schedule(SILENT_MS, giveUp)
  let at: number = begin
  let checksum = 0
  try {
    await receiveCheckpoint(
      transport,
      methods.Checkpoint,
      {
        from: master,
        request: { ...group, logOnly: true, logFrom: begin },
        signal: AbortSignal.any([silent.signal, closed]),
      },
      async ({ log }) => {
        timer.cancel()
        timer = clock.schedule(SILENT_MS, giveUp)
        if (!log) return undefined
        const records = asBuffer(log.records)
        checksum = crc32(records.subarray(Math.max(0, tail.from - at), to - at), checksum)
        at += records.length
        return at >= to ? 'enough' : undefined
      },
    )
  } finally {
    timer.cancel()
  }
  if (at >= to) return checksum
  throw new CometError('OFFSET_OUT_OF_RANGE', `the log of ${master} ends at ${at}, before ${to}`)
}
