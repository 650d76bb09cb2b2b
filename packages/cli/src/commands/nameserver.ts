import { NameServer } from '@cometmq/nameserver'
import { openNodeRuntime } from '@cometmq/runtime/node'
import { nameServerConfigOf, nameServerSettings } from '../config/name-server-settings.ts'
import { tlsFilesOf } from '../config/common-settings.ts'
import { readUsers } from '../config/users-file.ts'
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
  await using running = await NameServer.open(config, runtime)
  const { address } = running
  runtime.log.info({ address, cluster: config.cluster }, 'the name server is ready')
  await running.serve(terminal.stop)
}
