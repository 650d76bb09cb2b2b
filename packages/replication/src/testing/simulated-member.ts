import { loadServices } from '@cometmq/protocol'
import { ListenerSet, type Runtime } from '@cometmq/runtime'
import { type MessageStore, storeConfig } from '@cometmq/store'
import type { Elector } from '../elector.ts'
import { GroupMember } from '../member/group-member.ts'
import { memberHandlers } from '../member/member-handlers.ts'
import { type Appointments, defaultStreamLimits, type Duties } from '../member/ports.ts'
import type { ReplicationSettings } from '../settings.ts'

/** Longer than anything takes. */
export const LIMIT = { limitMs: 60_000 }
const KIB = 1024

export const GROUP = { cluster: 'simulated', brokerName: 'broker-a' }

/** Small enough that segments roll within a test, and are deleted. */
export const STORE = storeConfig('/data', {
  confirm: 'external',
  segmentMaxBytes: 64 * KIB,
  retention: { maxAgeMs: 60_000, maxBytes: 256 * KIB, minFreeBytes: 0, checkIntervalMs: 200 },
  minFreeBytes: 32 * KIB,
  hardFreeBytes: 8 * KIB,
  checkpointIntervalMs: 300,
})

export interface MemberParts {
  /** Of the machine. */
  readonly name: string
  readonly store: MessageStore
  readonly elector: Elector
  readonly settings: ReplicationSettings
  readonly configuredId?: number
  readonly appointments?: Appointments
  /** Of what the member itself keeps. */
  readonly folder: string
}

/** A member of a group, on its store, and no broker around them. It listens, and has not begun. */
export interface SimulatedMember {
  readonly store: MessageStore
  readonly member: GroupMember
  /** Whether clients are served here. */
  readonly isServing: () => boolean
  /** Whether name servers have been told of it. */
  readonly hasToldRole: () => boolean
  close(): Promise<void>
}

export async function openMember(runtime: Runtime, parts: MemberParts): Promise<SimulatedMember> {
  const { name, store, elector, settings, configuredId, appointments, folder } = parts
  let isServing = false
  let hasToldRole = false
  const duties: Duties = {
    begin: () => {
      isServing = true
    },
    end: () => {
      isServing = false
    },
    roleChanged: () => {
      hasToldRole = true
    },
  }
  const { replication: methods } = loadServices()
  const address = addressOf(name)
  const member = await GroupMember.open(
    { ...runtime, store, elector, methods, duties, appointments },
    {
      ...GROUP,
      folder,
      settings,
      limits: defaultStreamLimits,
      self: {
        configuredId,
        host: name,
        bootId: 'boot',
        replicationAddress: address,
        isObserver: false,
        priority: 0,
      },
    },
  )
  const listeners = await ListenerSet.open(
    runtime.transport,
    [{ name: 'members', listen: address }],
    { handlers: memberHandlers(methods, () => member) },
  )
  const close = async (): Promise<void> => {
    isServing = false
    await member.close()
    await listeners.close()
    await elector[Symbol.asyncDispose]()
    await store.close()
  }
  return { store, member, isServing: () => isServing, hasToldRole: () => hasToldRole, close }
}

export function addressOf(name: string): string {
  return `${name}:10911`
}

type WithStore = Pick<SimulatedMember, 'store'>

/** What of a group can be asked of its members' stores. */
interface WithStores {
  readonly processes: ReadonlyMap<unknown, WithStore>
}

/** All have one log, and know all of it to be confirmed. */
export function areLevel({ processes }: WithStores): boolean {
  const logs = [...processes.values()].map(({ store }) => store.log.offsets)
  return logs.every(({ max, confirm }) => max === logs[0]?.max && confirm === max)
}

export function rowOf(name: string) {
  const key = Buffer.from(name)
  const changes = [{ kind: 'put' as const, table: 'test', key, value: key }]
  return { records: [{ kind: 'change' as const, changes }] }
}

export function valueOf({ store }: WithStore, name: string): string | undefined {
  return store.table('test').get(Buffer.from(name))?.toString()
}

export function valuesOf({ processes }: WithStores, name: string): (string | undefined)[] {
  return [...processes.values()].map((process) => valueOf(process, name))
}
