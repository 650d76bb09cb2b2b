import type { BrokerStatus } from '@cometmq/broker'
import type { NameServer } from '@cometmq/nameserver'
import { Counter, collectDefaultMetrics, Gauge, Registry } from '@prometheus-io/client'
import { groupReadings } from './group-metrics.ts'
import type { Reading } from './reading.ts'

type DamageStatus = BrokerStatus['store']['damage']

/** Every metric of a broker, with the process's own. `isMember`: of a broker group of several. */
export function brokerMetrics(
  status: () => BrokerStatus | undefined,
  { isMember }: { readonly isMember: boolean },
): Registry {
  const counted = (
    name: string,
    help: string,
    read: (counters: BrokerStatus['counters']) => number,
  ): Reading => ({
    name: `cometmq_${name}_total`,
    help,
    kind: 'counter',
    read: () => {
      const now = status()
      return now === undefined ? 0 : read(now.counters)
    },
  })
  const countedByStore = (name: string, help: string, key: keyof DamageStatus): Reading => ({
    name: `cometmq_${name}_total`,
    help,
    kind: 'counter',
    read: () => status()?.store.damage[key] ?? 0,
  })
  const measured = (name: string, help: string, read: (now: BrokerStatus) => number): Reading => ({
    name: `cometmq_${name}`,
    help,
    kind: 'gauge',
    read: () => {
      const now = status()
      return now === undefined ? 0 : read(now)
    },
  })
  return registryOf([
    counted('messages_in', 'Messages stored for producers.', (now) => now.messagesIn),
    counted('messages_out', 'Messages sent to consumers and readers.', (now) => now.messagesOut),
    counted('bytes_in', 'Bytes of record batches stored for producers.', (now) => now.bytesIn),
    counted('bytes_out', 'Bytes of record batches sent out.', (now) => now.bytesOut),
    counted('batches_refused', 'Batches answered with an error.', (now) => now.batchesRefused),
    counted(
      'batches_repeated',
      'Batches that had been stored before.',
      (now) => now.batchesRepeated,
    ),
    measured('publish_streams', 'Open streams of producers.', (now) => now.counters.publishStreams),
    measured(
      'subscribe_streams',
      'Open streams of consumers.',
      (now) => now.counters.subscribeStreams,
    ),
    measured('read_streams', 'Open streams of readers.', (now) => now.counters.readStreams),
    measured(
      'pending_publish_bytes',
      'Bytes sent by producers and not answered.',
      (now) => now.pendingPublishBytes,
    ),
    measured(
      'pending_store_bytes',
      'Bytes handed to the store and not flushed.',
      (now) => now.store.pendingBytes,
    ),
    measured(
      'log_min_offset_bytes',
      'First byte of the commit log that is kept.',
      (now) => now.store.minOffset,
    ),
    measured('log_max_offset_bytes', 'End of the commit log.', (now) => now.store.maxOffset),
    measured(
      'log_flushed_offset_bytes',
      'End of what is flushed.',
      (now) => now.store.flushedOffset,
    ),
    measured(
      'log_confirm_offset_bytes',
      'End of what consumers may see.',
      (now) => now.store.confirmOffset,
    ),
    measured(
      'log_applied_offset_bytes',
      'End of what is applied to indexes and tables.',
      (now) => now.store.appliedOffset,
    ),
    measured(
      'disk_free_bytes',
      'Free space on the disk of the data folder.',
      (now) => now.store.freeBytes,
    ),
    countedByStore(
      'log_scrubbed_bytes',
      'Bytes of the log that were read for nothing but their checksums.',
      'scrubbedBytes',
    ),
    countedByStore(
      'log_damaged_records',
      'Records of the log that were found to be damaged.',
      'foundRecords',
    ),
    countedByStore(
      'log_mended_records',
      'Damaged records that were put back as another member has them.',
      'mendedRecords',
    ),
    measured(
      'log_unmended_records',
      'Records of the log that are damaged.',
      (now) => now.store.damage.damagedRecords,
    ),
    measured('writable', '1 while messages are taken.', (now) => (now.writable ? 1 : 0)),
    measured('epoch', 'The reign in which the log is written.', (now) => now.store.epoch),
    measured(
      'name_servers_registered',
      'Name servers that know this broker.',
      (now) => now.nameservers.filter(({ state }) => state === 'registered').length,
    ),
    ...(isMember ? groupReadings(status) : []),
  ])
}

/** Every metric of a name server, with the process's own. */
export function nameServerMetrics(status: () => NameServer['status'] | undefined): Registry {
  const measured = (
    name: string,
    help: string,
    read: (now: NameServer['status']) => number,
  ): Reading => ({
    name: `cometmq_${name}`,
    help,
    kind: 'gauge',
    read: () => {
      const now = status()
      return now === undefined ? 0 : read(now)
    },
  })
  return registryOf([
    measured('brokers', 'Brokers that are heard.', (now) => now.brokers),
    measured('route_watchers', 'Clients that watch routes.', (now) => now.watchers),
    measured(
      'official_clients',
      'Official RocketMQ clients that live.',
      (now) => now.officialClients,
    ),
    measured(
      'telemetry_streams',
      'Open telemetry streams of official clients.',
      (now) => now.telemetryStreams,
    ),
    measured('ready', '1 when it knows the cluster.', (now) => (now.ready ? 1 : 0)),
  ])
}

function registryOf(readings: readonly Reading[]): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const reading of readings) {
    const { name, help, kind } = reading
    const labelNames: string[] = 'label' in reading ? [reading.label] : []
    const options = { name, help, labelNames, registers: [registry] }
    if (kind === 'gauge') {
      const gauge = new Gauge<string>({
        ...options,
        collect: () => {
          gauge.reset()
          for (const { labels, value } of valuesOf(reading)) gauge.set(labels, value)
        },
      })
    } else {
      const counter = new Counter<string>({
        ...options,
        collect: () => {
          counter.reset()
          for (const { labels, value } of valuesOf(reading)) counter.inc(labels, value)
        },
      })
    }
  }
  return registry
}

function valuesOf(reading: Reading): { labels: Record<string, string>; value: number }[] {
  if (!('label' in reading)) return [{ labels: {}, value: reading.read() }]
  return reading
    .samples()
    .map(({ label, value }) => ({ labels: { [reading.label]: label }, value }))
}
