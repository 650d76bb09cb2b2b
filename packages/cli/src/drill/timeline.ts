import type { LedgerLine } from './ledger.ts'
import { longestOutage, type Outage, type Span, usualGapMs } from './outage.ts'

/** What a process of the cluster said, or a name server told those that watch it. */
export type Observation =
  | {
      readonly kind: 'log'
      readonly atMs: number
      /** Which process. */
      readonly source: string
      readonly message: string
      readonly fields: Readonly<Record<string, unknown>>
    }
  | {
      readonly kind: 'route'
      readonly atMs: number
      readonly source: string
      readonly brokerName: string
      readonly epoch: number
      /** Where the master is; undefined: the group has none. */
      readonly master: string | undefined
    }
  /** A state of the group that its members agreed on. */
  | {
      readonly kind: 'state'
      readonly atMs: number
      readonly source: string
      readonly brokerName: string
      readonly epoch: number
      /** Member id. */
      readonly master: number
      /** Why this epoch began. */
      readonly reason: string
    }

/** Something that was done to the cluster. */
export interface Fault {
  readonly what: string
  readonly atMs: number
  /** Where a person did it: when he said that it was done. It took place at some time before. */
  readonly saidDoneAtMs?: number
  /** Broker groups that may stand still for it. */
  readonly groups: readonly string[]
  /** For how long they may; undefined: that is told and not judged. */
  readonly goalMs: number | undefined
  /** What was done later as part of it: a restart, a thaw. */
  readonly notes: readonly { readonly what: string; readonly atMs: number }[]
  /** When nothing of the cluster was missing any more; undefined: that did not come to pass. */
  readonly wholeAtMs: number | undefined
}

export interface FaultReport {
  readonly fault: string
  /** After the beginning of the load. */
  readonly atMs: number
  /** The worst of its groups; see `longestOutage`. */
  readonly unavailableMs: number
  readonly goalMs: number | undefined
  /** The same of deliveries; not judged, for consumers may have other things to do. */
  readonly undeliveredMs: number
  readonly steps: readonly Step[]
}

export interface Step {
  readonly step: StepName
  /** After the fault. */
  readonly afterMs: number
  /** Which process said so, and what. */
  readonly source: string
}

export type StepName =
  | 'mended'
  | 'detected'
  | 'elected'
  | 'route seen'
  | 'first send acknowledged'
  | 'first delivery'
  /** Every member is back, and in sync. */
  | 'whole'

/** Sentences by which a process says that it has noticed something. */
const SENTENCES: ReadonlyMap<string, StepName> = new Map([
  ['registration stream ended', 'detected'],
  ['broker fell silent', 'detected'],
  ['broker said goodbye', 'detected'],
  ['broker group member is candidate', 'detected'],
])

/** What became of each fault, until the next one or the end of the load. */
export function timelineOf(
  seen: {
    readonly faults: readonly Fault[]
    readonly observations: readonly Observation[]
    readonly lines: readonly LedgerLine[]
  },
  load: Span,
): FaultReport[] {
  const { faults, observations, lines } = seen
  const [first] = faults
  const calm = { fromMs: load.fromMs, toMs: first?.atMs ?? load.toMs }
  return faults.map((asked, index) => {
    const asking = { fromMs: asked.atMs, toMs: faults[index + 1]?.atMs ?? load.toMs }
    const outage = worstOutage('acknowledged', asked.groups, lines, asking, calm)
    const fault = { ...asked, atMs: beginOf(asked, outage) }
    const span = { ...asking, fromMs: fault.atMs }
    const silence = worstOutage('delivered', fault.groups, lines, span, calm)
    const { wholeAtMs } = fault
    const steps = [
      ...(wholeAtMs === undefined ? [] : [stepAt('whole', wholeAtMs, 'every member', fault)]),
      ...fault.notes.map(({ what, atMs }) => stepAt('mended', atMs, what, fault)),
      ...observedSteps(fault, observations, span),
      ...loadSteps(fault, lines, outage, span),
    ]
    return {
      fault: fault.what,
      atMs: Math.round(fault.atMs - load.fromMs),
      unavailableMs: Math.round(outage.unavailableMs),
      goalMs: fault.goalMs,
      undeliveredMs: Math.round(silence.unavailableMs),
      steps: steps.toSorted((a, b) => a.afterMs - b.afterMs),
    }
  })
}

/** A person is asked, and takes his time: what he did shows when it is the end of all answers. */
function beginOf({ atMs, saidDoneAtMs = atMs }: Fault, outage: Outage): number {
  return outage.unavailableMs > 0 && outage.fromMs < saidDoneAtMs ? outage.fromMs : atMs
}

function worstOutage(
  kind: 'acknowledged' | 'delivered',
  groups: readonly string[],
  lines: readonly LedgerLine[],
  span: Span,
  calm: Span,
): Outage & { readonly group: string } {
  const outages = groups.map((group) => {
    const times = timesOf(kind, lines, group)
    return { ...longestOutage(times, span, usualGapMs(times, calm)), group }
  })
  const [worst] = outages.toSorted((a, b) => b.unavailableMs - a.unavailableMs)
  return worst ?? { ...longestOutage([], { fromMs: 0, toMs: 0 }, 0), group: '' }
}

function timesOf(
  kind: 'acknowledged' | 'delivered',
  lines: readonly LedgerLine[],
  group: string,
): number[] {
  return lines
    .filter((line) => line.kind === kind && line.brokerName === group)
    .map(({ atMs }) => atMs)
}

/** The first observation of each step; a route counts once it shows a master again or anew. */
function observedSteps(fault: Fault, observations: readonly Observation[], span: Span): Step[] {
  const steps = new Map<StepName, Step>()
  const told = new Map<string, string | number>()
  for (const observation of observations) {
    const { source, atMs } = observation
    const isWithin = atMs >= span.fromMs && atMs < span.toMs
    const step = stepOf(observation, fault, told)
    if (step === undefined || !isWithin || steps.has(step.name)) continue
    steps.set(step.name, stepAt(step.name, atMs, `${source}: ${step.detail}`, fault))
  }
  return [...steps.values()]
}

function stepOf(
  observation: Observation,
  fault: Fault,
  told: Map<string, string | number>,
): { name: StepName; detail: string } | undefined {
  switch (observation.kind) {
    case 'log': {
      const name = SENTENCES.get(observation.message)
      return name === undefined ? undefined : { name, detail: observation.message }
    }
    case 'route': {
      const { source, brokerName, epoch, master } = observation
      const place = `${source} ${brokerName}`
      const now = master === undefined ? '' : `${master} in epoch ${epoch}`
      const before = told.get(place)
      told.set(place, now)
      if (before === now || !fault.groups.includes(brokerName)) return undefined
      if (now === '') return { name: 'detected', detail: `${brokerName} has no master` }
      return { name: 'route seen', detail: `${brokerName} is ${now}` }
    }
    case 'state': {
      const { brokerName, epoch, master, reason } = observation
      const before = told.get(brokerName)
      told.set(brokerName, epoch)
      if (before === epoch || !fault.groups.includes(brokerName)) return undefined
      return {
        name: 'elected',
        detail: `member ${master} of ${brokerName} in epoch ${epoch}: ${reason}`,
      }
    }
  }
}

/** Where the outage ended, and when something that was sent after it came to a consumer. */
function loadSteps(
  fault: Fault,
  lines: readonly LedgerLine[],
  outage: Outage & { readonly group: string },
  span: Span,
): Step[] {
  const steps: Step[] = []
  const after = new Set<string>()
  for (const line of lines) {
    if (line.atMs < outage.toMs || line.atMs > span.toMs) continue
    if (line.kind === 'acknowledged' && line.brokerName === outage.group) {
      if (after.size === 0) {
        steps.push(stepAt('first send acknowledged', line.atMs, outage.group, fault))
      }
      after.add(line.id)
    }
    if (line.kind === 'delivered' && after.has(line.id)) {
      steps.push(stepAt('first delivery', line.atMs, line.group, fault))
      break
    }
  }
  return steps
}

function stepAt(step: StepName, atMs: number, source: string, fault: Fault): Step {
  return { step, afterMs: Math.round(atMs - fault.atMs), source }
}
