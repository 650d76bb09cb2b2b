import { setTimeout as delay } from 'node:timers/promises'
import {
  type BrokerAddress,
  type ClusterDescription,
  CometError,
  type ErrorCode,
} from '@cometmq/protocol'
import { CommandError } from '../command-error.ts'
import { exitCodes } from '../exit-codes.ts'
import { type OperatorOptions, withCluster } from '../operator.ts'
import { show, type View } from '../output.ts'
import { tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { formatDuration } from '../units.ts'
import { type BrokerState, describeBrokers, healthOf } from './cluster-info.ts'
import { groupProblems } from './group-problems.ts'

export interface ClusterHealthOptions extends OperatorOptions {
  readonly wait?: boolean
  /** How many brokers there should be at least. */
  readonly brokers?: number
}

const LOOK_INTERVAL_MS = 100
/** While waiting, a look that takes longer is given up for the next one. */
const LOOK_MAX_MS = 2_000

/** Succeeds when every broker group has a master that takes messages, and could lose one of its members. */
export async function clusterHealth(
  terminal: Terminal,
  options: ClusterHealthOptions,
): Promise<void> {
  const deadlineMs = performance.now() + options.timeout
  let health = await look(terminal, options)
  while (isWorthWaiting(health, options) && performance.now() < deadlineMs) {
    await delay(LOOK_INTERVAL_MS, undefined, { signal: terminal.stop })
    health = await look(terminal, options)
  }

  const problem = problemOf(health)
  if (health.kind === 'unreachable' && options.wait !== true) throw health.error
  if (health.kind === 'reached') show(terminal, options, healthView(health))
  if (problem === undefined) return
  if (options.wait !== true) throw new CommandError(exitCodes.failed, problem)
  const waited = `not healthy after ${formatDuration(options.timeout)}: ${problem}`
  throw new CommandError(exitCodes.timeout, waited, '--timeout waits longer')
}

type Health =
  | { readonly kind: 'unreachable'; readonly error: CometError }
  | {
      readonly kind: 'reached'
      readonly brokers: readonly BrokerState[]
      readonly withoutMaster: readonly GroupWithoutMaster[]
      /** What is wrong with the cluster as a whole. */
      readonly incomplete: string | undefined
    }

/** Its slaves may be well, and yet nobody can send to it. */
interface GroupWithoutMaster {
  readonly brokerName: string
  /** The slave that serves consumers in place of the master. */
  readonly standIn: BrokerAddress | undefined
}

const UNREACHABLE: readonly ErrorCode[] = ['CONNECT_FAILED', 'UNAVAILABLE', 'TIMEOUT', 'NOT_READY']

async function look(terminal: Terminal, options: ClusterHealthOptions): Promise<Health> {
  const maxMs = options.wait === true ? LOOK_MAX_MS : options.timeout
  const perLook = { ...options, timeout: Math.min(options.timeout, maxMs) }
  try {
    return await withCluster(terminal, perLook, async (cluster) => {
      const description = await cluster.describe()
      const brokers = await describeBrokers(cluster)
      const withoutMaster = groupsWithoutMaster(description)
      const incomplete = incompleteness(brokers.length, description.ready, options.brokers)
      return { kind: 'reached', brokers, withoutMaster, incomplete }
    })
  } catch (error) {
    if (!(error instanceof CometError) || !UNREACHABLE.includes(error.code)) throw error
    return { kind: 'unreachable', error }
  }
}

function groupsWithoutMaster({ brokers }: ClusterDescription): GroupWithoutMaster[] {
  const members = brokers.flatMap(({ broker }) => broker ?? [])
  const ruled = new Set(
    members.flatMap(({ brokerId, brokerName }) => (brokerId === 0 ? [brokerName] : [])),
  )
  const slaves = members.filter(({ brokerName }) => !ruled.has(brokerName))
  return [...new Set(slaves.map(({ brokerName }) => brokerName))].map((brokerName) => ({
    brokerName,
    standIn: slaves.find((slave) => slave.brokerName === brokerName && slave.standsIn),
  }))
}

/** What becomes of it while it has none. */
function plightOf({ standIn }: GroupWithoutMaster): string {
  return standIn === undefined ? 'no master' : `no master, member ${standIn.brokerId} stands in`
}

/**
 * A name server that has just started may not know all brokers yet, so what it knows is no answer
 * unless the number of brokers is given.
 */
function incompleteness(
  there: number,
  isReady: boolean,
  expected: number | undefined,
): string | undefined {
  if (there < (expected ?? 1)) {
    return `${there} of at least ${expected ?? 1} brokers are registered`
  }
  return expected === undefined && !isReady ? 'the name server has just started' : undefined
}

function isWorthWaiting(health: Health, options: ClusterHealthOptions): boolean {
  return options.wait === true && problemOf(health) !== undefined
}

function problemOf(health: Health): string | undefined {
  if (health.kind === 'unreachable') return health.error.message
  const [group] = health.withoutMaster
  if (group !== undefined) return `broker group "${group.brokerName}" has ${plightOf(group)}`
  if (health.incomplete !== undefined) return health.incomplete
  const problems = health.brokers.flatMap((state) =>
    problemsOf(state).map((problem) => `${state.brokerName}: ${problem}`),
  )
  return problems.length === 0 ? undefined : problems.join('; ')
}

function problemsOf(state: BrokerState): readonly string[] {
  const ill = isWritable(state) ? [] : [healthOf(state)]
  return state.kind === 'answers' ? [...ill, ...groupProblems(state.broker)] : ill
}

function isWritable(state: BrokerState): boolean {
  return state.kind === 'answers' && state.broker.writable
}

function healthView(health: Health & { readonly kind: 'reached' }): View {
  const problem = problemOf(health)
  return {
    document: {
      healthy: problem === undefined,
      ...(problem === undefined ? {} : { problem }),
      brokers: health.brokers.map((state) => ({
        brokerName: state.brokerName,
        address: state.address,
        writable: isWritable(state),
        ...(isWritable(state) ? {} : { why: healthOf(state) }),
        ...(problemsOf(state).length === 0 ? {} : { problems: problemsOf(state) }),
      })),
      withoutMaster: health.withoutMaster.map(({ brokerName, standIn }) => ({
        brokerName,
        ...(standIn && { standIn: { memberId: standIn.brokerId, address: standIn.address } }),
      })),
    },
    lines: (style) =>
      tableLines(
        [
          { title: 'BROKER', value: ({ brokerName }) => brokerName },
          { title: 'ADDRESS', value: ({ address }) => address },
          { title: 'STATE', value: ({ state }) => state, flexible: true },
        ],
        [
          ...health.brokers.map((state) => ({
            brokerName: state.brokerName,
            address: state.address,
            state: problemsOf(state).join('; ') || healthOf(state),
          })),
          ...health.withoutMaster.map((group) => ({
            brokerName: group.brokerName,
            address: group.standIn?.address ?? '-',
            state: plightOf(group),
          })),
        ],
        style,
      ),
  }
}
