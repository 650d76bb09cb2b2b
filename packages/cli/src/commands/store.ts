import path from 'node:path'
import { CometError } from '@cometmq/protocol'
import { openNodeRuntime } from '@cometmq/runtime/node'
import { type Damage, inspectStore, type StoreReport, verifyStore } from '@cometmq/store'
import { type OutputOptions, show, type View } from '../output.ts'
import { fieldLines, tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { formatBytes } from '../units.ts'

/** Shows what is in the commit log of a stopped broker. */
export async function storeInspect(
  terminal: Terminal,
  directory: string,
  options: OutputOptions,
): Promise<void> {
  await using runtime = openNodeRuntime({ name: 'comet', logLevel: 'silent' })
  show(terminal, options, inspectView(await inspectStore(runtime, path.resolve(directory))))
}

/** Checks every byte of it; fails at the first one that is wrong, unless a start would repair it. */
export async function storeVerify(
  terminal: Terminal,
  directory: string,
  options: OutputOptions,
): Promise<void> {
  await using runtime = openNodeRuntime({ name: 'comet', logLevel: 'silent' })
  const report = await verifyStore(runtime, path.resolve(directory))
  show(terminal, options, verifyView(report))
  const { verdict, damagedBodies } = report
  if (verdict.kind === 'corrupt') {
    const { damage, proof } = verdict
    throw new CometError('STORE_CORRUPT', `${placeOf(damage)}: ${damage.why}; ${proof}`)
  }
  const [body] = damagedBodies
  if (body !== undefined) throw new CometError('RECORD_CORRUPT', `${placeOf(body)}: ${body.why}`)
}

function inspectView(report: StoreReport): View {
  return {
    document: report,
    lines: (style) => [
      ...fieldLines(overview(report)),
      '',
      ...tableLines(
        [
          { title: 'SEGMENT', value: (segment) => path.basename(segment.path) },
          { title: 'FROM', value: ({ from }) => from },
          { title: 'TO', value: ({ to }) => to },
          { title: 'RECORDS', value: ({ records }) => records },
        ],
        report.segments,
        style,
      ),
      '',
      ...(report.queues.length === 0
        ? ['no messages']
        : tableLines(
            [
              { title: 'TOPIC', value: ({ topic }) => topic, flexible: true },
              { title: 'QUEUE', value: ({ queueId }) => queueId },
              { title: 'FIRST', value: ({ minOffset }) => minOffset },
              { title: 'NEXT', value: ({ maxOffset }) => maxOffset },
              { title: 'BATCHES', value: ({ batches }) => batches },
            ],
            report.queues.toSorted(byQueue),
            style,
          )),
    ],
  }
}

function verifyView(report: StoreReport): View {
  return { document: report, lines: () => fieldLines(overview(report)) }
}

function overview(report: StoreReport): [string, string | number][] {
  const { records, minOffset, endOffset, checkpoint } = report
  const total = Object.values(records).reduce((sum, count) => sum + count, 0)
  return [
    ['store', report.storeId],
    ['log', `${minOffset} to ${endOffset} (${formatBytes(endOffset - minOffset)})`],
    ['segments', report.segments.length],
    ['records', `${total} (${records.messages} batches, ${records.change} changes)`],
    ['epochs', report.epochs.map(({ epoch, from }) => `${epoch} from ${from}`).join(', ') || '-'],
    ['closed', checkpoint?.closedCleanly === true ? 'cleanly' : 'not cleanly'],
    ['damaged bodies', report.damagedBodies.length],
    ['verdict', verdictText(report)],
  ]
}

function verdictText({ verdict }: StoreReport): string {
  switch (verdict.kind) {
    case 'intact':
      return 'intact'
    case 'torn-tail':
      return `torn tail: a start cuts ${verdict.cutBytes} bytes ${whetherAcknowledged(verdict)}, from ${placeOf(verdict.damage)}`
    case 'corrupt':
      return `corrupt from ${placeOf(verdict.damage)}: a start is refused`
  }
}

function whetherAcknowledged({ isInDoubt }: { readonly isInDoubt: boolean }): string {
  if (!isInDoubt) return 'that were never acknowledged'
  return 'with records among them, which may have been acknowledged'
}

function placeOf(damage: Damage): string {
  return `${damage.segment} byte ${damage.byte}`
}

function byQueue(
  a: { readonly topic: string; readonly queueId: number },
  b: { readonly topic: string; readonly queueId: number },
): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1
  return a.queueId - b.queueId
}
