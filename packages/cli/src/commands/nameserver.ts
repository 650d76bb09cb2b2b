import { NameServer } from '@cometmq/nameserver'
import { openNodeRuntime } from '@cometmq/runtime/node'
import { nameServerConfigOf, nameServerSettings } from '../config/name-server-settings.ts'
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

  const config = nameServerConfigOf(loaded.settings, { version: readVersion() })
  await using runtime = openNodeRuntime({
    name: 'nameserver',
    ...logOptions(terminal, loaded.settings.log),
  })
  await using running = await NameServer.open(config, runtime)
  const { address } = running
  runtime.log.info({ address, cluster: config.cluster }, 'the name server is ready')
  await running.serve(terminal.stop)
}
