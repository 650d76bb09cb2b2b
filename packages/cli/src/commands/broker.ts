import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import process from 'node:process'
import { type Broker, runBroker } from '@cometmq/broker'
import type { Elector } from '@cometmq/replication'
import type { Runtime } from '@cometmq/runtime'
import { openNodeRuntime } from '@cometmq/runtime/node'
import { brokerConfigOf, type BrokerSettings, brokerSettings } from '../config/broker-settings.ts'
import { tlsFilesOf } from '../config/common-settings.ts'
import { readUsers } from '../config/users-file.ts'
import { HeapGrowth } from '../heap-growth.ts'
import { brokerHealth, starting } from '../operations/health.ts'
import { openOperations } from '../operations/open-operations.ts'
import type { Terminal } from '../terminal.ts'
import { readVersion } from '../version.ts'
import { type DaemonOptions, loadDaemonSettings, logOptions, showSettings } from './daemon.ts'

/** Runs one broker until it is asked to end and has drained. */
export async function broker(terminal: Terminal, options: DaemonOptions): Promise<void> {
  const loaded = await loadDaemonSettings(terminal, options, {
    own: brokerSettings,
    foreign: async () => (await import('../config/name-server-settings.ts')).nameServerSettings,
  })
  if (options.check === true) {
    showSettings(terminal, options, brokerSettings, loaded)
    return
  }

  const { settings } = loaded
  const users = await readUsers(settings.gateway.usersFile)
  const machine = { hostname: hostname(), version: readVersion(), bootId: bootId() }
  const config = brokerConfigOf(settings, { ...machine, users })
  const name = `broker ${settings.brokerName}`
  using _heap = new HeapGrowth()
  await using runtime = openNodeRuntime({
    name,
    tls: tlsFilesOf(settings),
    ...logOptions(terminal, settings.log),
  })
  let running: Broker | undefined
  await using _operations = await openOperations(settings, {
    log: runtime.log,
    health: () => (running === undefined ? starting : brokerHealth(running.status)),
    metrics: async () => {
      const { brokerMetrics } = await import('../operations/metrics.ts')
      return brokerMetrics(() => running?.status, { isMember: config.replication !== undefined })
    },
  })
  const probes = { rssBytes: () => process.memoryUsage.rss() }
  const elector = await electorOf(settings, runtime)
  const { brokerName, cluster } = config
  await runBroker(config, runtime, {
    probes,
    elector,
    stop: terminal.stop,
    opened: (opened) => {
      running = opened
      runtime.log.info({ address: opened.address, brokerName, cluster }, 'the broker is ready')
    },
  })
}

/** Only where there is a group of several members; others need not load what it takes. */
async function electorOf(
  { cluster, brokerName, replication }: BrokerSettings,
  runtime: Runtime,
): Promise<() => Elector | undefined> {
  const { endpoints } = replication.etcd
  if (endpoints === undefined) return () => undefined
  const { EtcdElector } = await import('@cometmq/replication/etcd')
  return () => EtcdElector.open(runtime, { cluster, brokerName, endpoints })
}

/** Which boot of the machine this is; empty where the system does not tell, as if each were another. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return ''
  }
}
