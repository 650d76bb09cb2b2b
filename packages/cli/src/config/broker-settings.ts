import { type BrokerConfig, brokerDefaults } from '@cometmq/broker'
import { limits } from '@cometmq/protocol'
import { storeConfig } from '@cometmq/store'
import * as z from 'zod'
import { isWildcard, parseAddress } from './address.ts'
import { EXTERNAL_LISTENER, gateway, http, log, name, tls, tlsTogether } from './common-settings.ts'
import { replication, replicationOf } from './replication-settings.ts'
import {
  address,
  addresses,
  advertisedAddress,
  choice,
  count,
  durationMs,
  flag,
  orUnlimited,
  size,
  text,
} from './setting.ts'
import { together } from './together.ts'

const SECOND_MS = 1_000
const DAY_MS = 86_400_000
const MIB = 2 ** 20

const { delivery, publish, readers } = brokerDefaults
const store = storeConfig('')

/** Each setting alone. What it means to those who set it stands in `docs/configuration.md`. */
const singleSettings = z.strictObject({
  cluster: name().default('default'),
  brokerName: name().default('broker-a'),
  listen: address().default(brokerDefaults.listen),
  /** Without it: the address listened on, with the machine's name in the place of a wildcard. */
  advertise: advertisedAddress().optional(),
  /** A second way in, for clients that cannot use the first. */
  external: z
    .strictObject({ listen: address().optional(), advertise: advertisedAddress().optional() })
    .prefault({}),
  nameserver: addresses().default(['localhost:9876']),
  autoCreateTopics: flag().default(brokerDefaults.autoCreateTopics),
  autoCreateGroups: flag().default(delivery.autoCreateGroups),
  topicDefaults: z
    .strictObject({
      queueCount: count({ min: 1, max: limits.queuesPerTopicMax }).default(
        brokerDefaults.topicDefaults.queueCount,
      ),
    })
    .prefault({}),
  delivery: z
    .strictObject({
      sessionGrace: upTo(DAY_MS).default(delivery.sessionGraceMs),
      startHold: upTo(DAY_MS).default(delivery.startHoldMs),
      inFlightMaxMessages: count({ min: 1, max: 2 ** 31 }).default(delivery.inFlightMaxMessages),
    })
    .prefault({}),
  publish: z
    .strictObject({
      maxPendingBytesPerStream: size(limits.batchMaxBytes).default(
        publish.maxPendingBytesPerStream,
      ),
      maxPendingBytes: size(limits.batchMaxBytes).default(publish.maxPendingBytes),
      syncTimeout: durationMs({ min: 100, max: DAY_MS }).default(publish.syncTimeoutMs),
    })
    .prefault({}),
  readers: z
    .strictObject({
      toSlaveBeyond: size(0).default(readers.toSlaveBeyondBytes),
      slave: choice('first', 'any').default(readers.slave),
    })
    .prefault({}),
  store: z
    .strictObject({
      /** Without it: `data/<brokerName>` below the current folder. */
      directory: text('a folder', (given) => given.trim() !== '').optional(),
      // A record lies in one segment, and so the largest batch has to fit.
      segmentMaxBytes: size(8 * MIB).default(store.segmentMaxBytes),
      retention: z
        .strictObject({
          maxAge: orUnlimited(durationMs({ min: SECOND_MS, max: 3_650 * DAY_MS })).default(
            store.retention.maxAgeMs,
          ),
          maxBytes: orUnlimited(size(16 * MIB)).default(store.retention.maxBytes),
          minFreeBytes: size(0).default(store.retention.minFreeBytes),
        })
        .prefault({}),
      minFreeBytes: size(0).default(store.minFreeBytes),
      hardFreeBytes: size(0).default(store.hardFreeBytes),
      maxPendingBytes: size(8 * MIB).default(store.maxPendingBytes),
      checkpointInterval: durationMs({ min: 10, max: DAY_MS }).default(store.checkpointIntervalMs),
      checkpointBytes: size(MIB).default(store.checkpointBytes),
      tailCacheBytes: size(MIB).default(store.tailCacheBytes),
      readCacheBytes: size(MIB).default(store.readCacheBytes),
      scrubBytesPerSecond: size(0).default(store.scrubBytesPerSecond),
    })
    .prefault({}),
  replication: replication(),
  drainTimeout: upTo(DAY_MS).default(brokerDefaults.drainTimeoutMs),
  http: http(),
  tls: tls(),
  reflection: flag().default(brokerDefaults.reflection),
  gateway: gateway(),
  log: log(),
})

export type BrokerSettings = z.infer<typeof singleSettings>

/** With the rules over several. */
export const brokerSettings = singleSettings
  .refine(...tlsTogether<BrokerSettings>())
  .refine(
    ...together<BrokerSettings>({
      keys: ['external.advertise', 'external.listen'],
      holds: ({ external: { listen, advertise } }) =>
        advertise === undefined || listen !== undefined,
      message: 'needs external.listen, where those come in who are told it',
    }),
  )
  .refine(
    ...together<BrokerSettings>({
      keys: ['replication.minInSync', 'replication.members'],
      holds: ({ replication: { minInSync = 1, members, static: roles } }) =>
        minInSync <= (roles.members?.length ?? members),
      message: 'must not be more than replication.members: nothing would ever be confirmed',
    }),
  )
  .refine(
    ...together<BrokerSettings>({
      keys: ['replication.static.members', 'replication.etcd.endpoints'],
      holds: ({ replication: { etcd, static: roles } }) =>
        etcd.endpoints === undefined || roles.members === undefined,
      message: 'cannot both be given: either etcd says who leads, or the configuration does',
    }),
  )
  .refine(
    ...together<BrokerSettings>({
      keys: ['replication.memberId', 'replication.static.members'],
      holds: ({ replication: { memberId, static: roles } }) =>
        roles.members === undefined || (memberId !== undefined && memberId <= roles.members.length),
      message: 'must be the place of this broker in replication.static.members, from 1',
    }),
  )
  .refine(
    ...together<BrokerSettings>({
      keys: ['replication.static.master', 'replication.static.members'],
      holds: ({ replication: { static: roles } }) => roles.master <= (roles.members?.length ?? 7),
      message: 'must be the place of the master in replication.static.members, from 1',
    }),
  )
  .refine(
    ...together<BrokerSettings>({
      keys: ['nameserver'],
      holds: ({ nameserver }) => new Set(nameserver).size === nameserver.length,
      message: 'must not name one of them twice',
    }),
  )
  .refine(
    ...together<BrokerSettings>({
      keys: ['publish.maxPendingBytesPerStream', 'publish.maxPendingBytes'],
      holds: (settings) =>
        settings.publish.maxPendingBytesPerStream <= settings.publish.maxPendingBytes,
      message: 'must not be more than publish.maxPendingBytes, which is for all streams together',
    }),
  )
  .refine(
    ...together<BrokerSettings>({
      keys: ['store.retention.maxBytes', 'store.segmentMaxBytes'],
      holds: (settings) => settings.store.retention.maxBytes >= 2 * settings.store.segmentMaxBytes,
      message:
        'must be at least twice store.segmentMaxBytes: whole segments are deleted, never the one in use',
    }),
  )
  .refine(
    ...together<BrokerSettings>({
      keys: ['store.hardFreeBytes', 'store.minFreeBytes'],
      holds: (settings) => settings.store.hardFreeBytes <= settings.store.minFreeBytes,
      message: 'must not be more than store.minFreeBytes, where producers are refused first',
    }),
  )

/** The configuration of a broker on a machine of that name. */
export function brokerConfigOf(
  settings: BrokerSettings,
  machine: {
    readonly hostname: string
    readonly version: string
    /** Changes when the machine starts. */
    readonly bootId?: string
    /** Of official clients. */
    readonly users?: Readonly<Record<string, string>> | undefined
  },
): BrokerConfig {
  const { delivery: lease, store: files } = settings
  const { maxPendingBytesPerStream, maxPendingBytes, syncTimeout } = settings.publish
  return {
    cluster: settings.cluster,
    brokerName: settings.brokerName,
    replication: replicationOf(settings.replication, { bootId: '', ...machine }),
    listen: settings.listen,
    advertise: settings.advertise ?? nameInPlaceOfWildcard(settings.listen, machine.hostname),
    listeners: externalOf(settings.external, machine.hostname),
    nameservers: settings.nameserver,
    autoCreateTopics: settings.autoCreateTopics,
    topicDefaults: settings.topicDefaults,
    delivery: {
      ...delivery,
      autoCreateGroups: settings.autoCreateGroups,
      sessionGraceMs: lease.sessionGrace,
      startHoldMs: lease.startHold,
      inFlightMaxMessages: lease.inFlightMaxMessages,
    },
    publish: { maxPendingBytesPerStream, maxPendingBytes, syncTimeoutMs: syncTimeout },
    readers: {
      toSlaveBeyondBytes: settings.readers.toSlaveBeyond,
      slave: settings.readers.slave,
    },
    reflection: settings.reflection,
    gateway: { users: machine.users },
    store: storeConfig(files.directory ?? `data/${settings.brokerName}`, {
      segmentMaxBytes: files.segmentMaxBytes,
      retention: {
        ...store.retention,
        maxAgeMs: files.retention.maxAge,
        maxBytes: files.retention.maxBytes,
        minFreeBytes: files.retention.minFreeBytes,
      },
      minFreeBytes: files.minFreeBytes,
      hardFreeBytes: files.hardFreeBytes,
      maxPendingBytes: files.maxPendingBytes,
      checkpointIntervalMs: files.checkpointInterval,
      checkpointBytes: files.checkpointBytes,
      tailCacheBytes: files.tailCacheBytes,
      readCacheBytes: files.readCacheBytes,
      scrubBytesPerSecond: files.scrubBytesPerSecond,
    }),
    drainTimeoutMs: settings.drainTimeout,
    version: machine.version,
  }
}

function externalOf(
  { listen, advertise }: BrokerSettings['external'],
  host: string,
): BrokerConfig['listeners'] {
  if (listen === undefined) return {}
  const shown = advertise ?? nameInPlaceOfWildcard(listen, host)
  return { [EXTERNAL_LISTENER]: { listen, advertise: shown } }
}

/** The port is added by the broker when it knows which one it took. */
function nameInPlaceOfWildcard(listen: string, hostname: string): string | undefined {
  const parsed = parseAddress(listen)
  return parsed !== undefined && isWildcard(parsed.host) ? hostname : undefined
}

function upTo(max: number) {
  return durationMs({ min: 0, max })
}
