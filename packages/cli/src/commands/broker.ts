import { hostname } from 'node:os'
import process from 'node:process'
import { Broker } from '@cometmq/broker'
import { openNodeRuntime } from '@cometmq/runtime/node'
import { brokerConfigOf, brokerSettings } from '../config/broker-settings.ts'
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
  const config = brokerConfigOf(settings, { hostname: hostname(), version: readVersion(), users })
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
      return brokerMetrics(() => running?.status)
    },
  })
  const probes = { rssBytes: () => process.memoryUsage.rss() }
  await using opened = await Broker.open(config, runtime, probes)
  running = opened
  const { brokerName, cluster } = config
  runtime.log.info({ address: opened.address, brokerName, cluster }, 'the broker is ready')
  await opened.serve(terminal.stop)
}
