import { NameServer } from '@cometmq/nameserver'
import { openNodeRuntime } from '@cometmq/runtime/node'
import { nameServerConfigOf, nameServerSettings } from '../config/name-server-settings.ts'
import { tlsFilesOf } from '../config/common-settings.ts'
import { readUsers } from '../config/users-file.ts'
import { nameServerHealth, starting } from '../operations/health.ts'
import { openOperations } from '../operations/open-operations.ts'
import type { Terminal } from '../terminal.ts'
import { readVersion } from '../version.ts'
import { type DaemonOptions, loadDaemonSettings, logOptions, showSettings } from './daemon.ts'

/** Runs one name server until it is asked to end. */
export async function nameServer(terminal: Terminal, options: DaemonOptions): Promise<void> {
  const loaded = await loadDaemonSettings(terminal, options, {
    own: nameServerSettings,
    foreign: async () => (await import('../config/broker-settings.ts')).brokerSettings,
  })
  if (options.check === true) {
    showSettings(terminal, options, nameServerSettings, loaded)
    return
  }

  const { settings } = loaded
  const users = await readUsers(settings.gateway.usersFile)
  const config = nameServerConfigOf(settings, { version: readVersion(), users })
  await using runtime = openNodeRuntime({
    name: 'nameserver',
    tls: tlsFilesOf(settings),
    ...logOptions(terminal, settings.log),
  })
  let running: NameServer | undefined
  await using _operations = await openOperations(settings, {
    log: runtime.log,
    health: () => (running === undefined ? starting : nameServerHealth(running.status)),
    metrics: async () => {
      const { nameServerMetrics } = await import('../operations/metrics.ts')
      return nameServerMetrics(() => running?.status)
    },
  })
  await using opened = await NameServer.open(config, runtime)
  running = opened
  const { address } = opened
  runtime.log.info({ address, cluster: config.cluster }, 'the name server is ready')
  await opened.serve(terminal.stop)
}
