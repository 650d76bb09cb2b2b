import { type ReplicationConfig, replicationDefaults } from '@cometmq/broker'
import * as z from 'zod'
import { isWildcard, parseAddress } from './address.ts'
import { address, addresses, advertisedAddress, count, flag } from './setting.ts'

const MEMBERS_MAX = 7

/** A broker group of several members. What it means to operators stands in `docs/configuration.md`. */
export const replication = () =>
  z
    .strictObject({
      etcd: z.strictObject({ endpoints: addresses().optional() }).prefault({}),
      listen: address().default(replicationDefaults.listen),
      /** Without it: the address listened on, with the machine's name in the place of a wildcard. */
      advertise: advertisedAddress().optional(),
      static: z
        .strictObject({
          members: addresses().optional(),
          master: count({ min: 1, max: MEMBERS_MAX }).default(1),
          startAlone: flag().default(false),
        })
        .prefault({}),
      members: count({ min: 1, max: MEMBERS_MAX }).default(3),
      /** Without it: 2 of three or more, else 1. */
      minInSync: count({ min: 1, max: MEMBERS_MAX }).optional(),
      memberId: count({ min: 1, max: 2 ** 31 }).optional(),
      observer: flag().default(false),
      priority: count({ min: 0, max: 1_000 }).default(0),
    })
    .prefault({})

export type ReplicationSettings = z.infer<ReturnType<typeof replication>>

/** Undefined: without etcd or configured roles the broker is the only member of its group. */
export function replicationOf(
  settings: ReplicationSettings,
  machine: { readonly hostname: string; readonly bootId: string },
): ReplicationConfig | undefined {
  const { members: addresses, master, startAlone: startsAlone } = settings.static
  if (settings.etcd.endpoints === undefined && addresses === undefined) return undefined
  const { listen } = settings
  const members = addresses?.length ?? settings.members
  const minInSync = settings.minInSync ?? (members > 2 ? 2 : 1)
  const isStatic = addresses !== undefined
  const parsed = parseAddress(listen)
  const isEverywhere = parsed !== undefined && isWildcard(parsed.host)
  return {
    ...replicationDefaults,
    listen,
    advertise: settings.advertise ?? (isEverywhere ? machine.hostname : undefined),
    memberId: settings.memberId,
    isObserver: settings.observer,
    priority: settings.priority,
    host: machine.hostname,
    bootId: machine.bootId,
    static: isStatic ? { members: addresses, master, startsAlone } : undefined,
    settings: {
      ...replicationDefaults.settings,
      memberCount: members,
      minInSync,
      // Who leads is the operator's word alone.
      handsOver: !isStatic,
      recoversByItself: !isStatic,
    },
  }
}
