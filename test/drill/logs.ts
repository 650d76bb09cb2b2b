import type { FileSystem } from '@cometmq/runtime'
import { type SegmentReport, type StoreReport, verifyStore } from '@cometmq/store'
import type { LedgerLine } from '../../packages/cli/src/drill/ledger.ts'

/** A member of a broker group that has been stopped. */
export interface StoppedMember {
  readonly name: string
  readonly directory: string
}

interface Log {
  readonly name: string
  readonly report: StoreReport
}

/**
 * What is wrong with the logs that the members of one group have left: each by itself, each against
 * what readers saw of it, and all against each other. They were stopped when everything had come to
 * rest, so that none may lack anything.
 */
export async function faultsInLogs(
  files: FileSystem,
  group: { readonly name: string; readonly members: readonly StoppedMember[] },
  seen: { readonly topic: string; readonly lines: readonly LedgerLine[] },
): Promise<string[]> {
  const logs: Log[] = []
  for (const { name, directory } of group.members) {
    logs.push({ name, report: await verifyStore({ files }, directory) })
  }
  const ends = endsOfQueues(group.name, seen.lines)
  const faults = logs.flatMap((log) => [...damageIn(log), ...shortfallsIn(log, seen.topic, ends)])
  const [first, ...others] = logs
  if (first === undefined) return faults
  for (const other of others) {
    const at = await firstDifference(files, first.report, other.report)
    if (at !== undefined) faults.push(`the logs of ${first.name} and ${other.name} differ at ${at}`)
  }
  return faults
}

/** The first log offset at which two logs differ, of those that both have; undefined: nowhere. */
async function firstDifference(
  files: FileSystem,
  one: StoreReport,
  other: StoreReport,
): Promise<number | undefined> {
  for (const segment of one.segments) {
    const twin = other.segments.find(({ from }) => from === segment.from)
    if (twin === undefined) continue
    const length = Math.min(segment.to, twin.to) - segment.from
    const bytes = await head(files, segment, length)
    const others = await head(files, twin, length)
    if (bytes.equals(others)) continue
    return segment.from + bytes.findIndex((byte, index) => byte !== others[index])
  }
  return undefined
}

/** A torn tail is what a kill leaves: it was never acknowledged. */
function damageIn({ name, report: { verdict, damagedBodies } }: Log): string[] {
  const faults = damagedBodies.map(({ logOffset }) => `${name} has a damaged body at ${logOffset}`)
  if (verdict.kind !== 'corrupt') return faults
  return [...faults, `the log of ${name} is corrupt at ${verdict.damage.logOffset}`]
}

/** Queues of which a member has fewer messages than readers were given. */
function* shortfallsIn(
  { name, report }: Log,
  topic: string,
  ends: ReadonlyMap<number, number>,
): Generator<string> {
  for (const [queueId, end] of ends) {
    const queue = report.queues.find((each) => each.topic === topic && each.queueId === queueId)
    // A member that started over from its master's state has no log of what came before.
    if (queue === undefined && report.minOffset > 0) continue
    const has = queue?.maxOffset ?? 0
    if (has !== end) yield `${name} has ${topic}/${queueId} to ${has}, and readers to ${end}`
  }
}

/** What the next message of each queue of the group would be, by what was read in the end. */
function endsOfQueues(brokerName: string, lines: readonly LedgerLine[]): Map<number, number> {
  const ends = new Map<number, number>()
  for (const line of lines) {
    if (line.kind !== 'stored' || line.brokerName !== brokerName) continue
    ends.set(line.queueId, Math.max(ends.get(line.queueId) ?? 0, line.queueOffset + 1))
  }
  return ends
}

async function head(files: FileSystem, { path }: SegmentReport, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  const file = await files.openFile(path)
  try {
    await file.readAt(bytes, 0)
  } finally {
    await file.close()
  }
  return bytes
}
