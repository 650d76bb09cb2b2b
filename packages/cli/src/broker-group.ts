import type { AdminCall, AdminRequest, AdminResponse } from '@cometmq/client'
import { CometError, loadServices, type Method, toCometError } from '@cometmq/protocol'
import type { Connected } from './operator.ts'

interface CallOptions {
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Who does not say what it is within this time does not answer anything else either. */
const HANGS_MS = 2_000

/** The broker groups that the name server hears, by name; each with its members, the master first. */
export async function brokerGroups({ cluster }: Connected): Promise<ReadonlyMap<string, string[]>> {
  const { brokers } = await cluster.describe()
  const members = brokers
    .flatMap(({ broker }) => broker ?? [])
    .toSorted((a, b) => a.brokerId - b.brokerId)
  const groups = new Map<string, string[]>()
  for (const { brokerName, address } of members) {
    groups.set(brokerName, [...(groups.get(brokerName) ?? []), address])
  }
  return groups
}

/** The addresses of a group's members, the master's first. Throws `BROKER_NOT_FOUND`. */
export async function membersOf(connected: Connected, brokerName: string): Promise<string[]> {
  const groups = await brokerGroups(connected)
  const members = groups.get(brokerName)
  if (members !== undefined) return members
  const known = [...groups.keys()].toSorted().join(', ') || 'none'
  throw new CometError(
    'BROKER_NOT_FOUND',
    `no broker "${brokerName}" is registered; there are: ${known}`,
  )
}

/**
 * One call to one broker of a group: the first of them that answers at all. One that hangs is given
 * up soon, for the others know as much.
 */
export async function askMember<Name extends AdminCall>(
  { transport }: Pick<Connected, 'transport'>,
  addresses: readonly string[],
  name: Name,
  request: AdminRequest<Name>,
  options: CallOptions,
): Promise<AdminResponse<Name>> {
  const { admin } = loadServices()
  const method = admin[name] as unknown as Method<AdminRequest<Name>, AdminResponse<Name>>
  const { signal } = options
  const timeoutMs = Math.min(options.timeoutMs, HANGS_MS)
  let failure: CometError | undefined
  for (const address of addresses) {
    const connection = transport.connect(address)
    try {
      // From memory, whatever its role.
      await connection.call(admin.DescribeBroker, {}, { timeoutMs, signal })
    } catch (thrown) {
      failure ??= toCometError(thrown)
      connection.close()
      continue
    }
    try {
      return await connection.call(method, request, options)
    } finally {
      connection.close()
    }
  }
  throw failure ?? new CometError('BROKER_NOT_FOUND', 'no member of the group is registered')
}
