import type { AdminCall, AdminRequest, AdminResponse } from '@cometmq/client'
import {
  CometError,
  type ErrorCode,
  loadServices,
  type Method,
  toCometError,
} from '@cometmq/protocol'
import type { Connected } from './operator.ts'

interface CallOptions {
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Nothing was done by who did not even hear it. */
const unheard: readonly ErrorCode[] = ['CONNECT_FAILED']
/** To look again does no harm. */
const unanswered: readonly ErrorCode[] = ['CONNECT_FAILED', 'UNAVAILABLE', 'TIMEOUT', 'NOT_READY']

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
 * One call to one broker of a group: the first of them that answers. `isHarmless`: it may be asked of
 * another one also if the first may have heard it.
 */
export async function askMember<Name extends AdminCall>(
  { transport }: Pick<Connected, 'transport'>,
  addresses: readonly string[],
  name: Name,
  request: AdminRequest<Name>,
  options: CallOptions & { readonly isHarmless: boolean },
): Promise<AdminResponse<Name>> {
  const method = loadServices().admin[name] as unknown as Method<
    AdminRequest<Name>,
    AdminResponse<Name>
  >
  const goOn = options.isHarmless ? unanswered : unheard
  let failure: CometError | undefined
  for (const address of addresses) {
    const connection = transport.connect(address)
    try {
      return await connection.call(method, request, options)
    } catch (thrown) {
      const error = toCometError(thrown)
      if (!goOn.includes(error.code)) throw error
      failure ??= error
    } finally {
      connection.close()
    }
  }
  throw failure ?? new CometError('BROKER_NOT_FOUND', 'no member of the group is registered')
}
