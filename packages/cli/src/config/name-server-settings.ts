import { type NameServerConfig, nameServerDefaults } from '@cometmq/nameserver'
import * as z from 'zod'
import { log, name } from './common-settings.ts'
import { address, count, durationMs } from './setting.ts'

const SECOND_MS = 1_000
const DAY_MS = 86_400_000

/** What each setting means to those who set it stands in `docs/configuration.md`. */
export const nameServerSettings = z.strictObject({
  cluster: name().default('default'),
  listen: address().default(nameServerDefaults.listen),
  warmup: durationMs({ min: 0, max: DAY_MS }).default(nameServerDefaults.warmupMs),
  silence: durationMs({ min: SECOND_MS, max: DAY_MS }).default(nameServerDefaults.silenceMs),
  maxBrokers: bound().default(nameServerDefaults.maxBrokers),
  maxTopicsPerBroker: bound().default(nameServerDefaults.maxTopicsPerBroker),
  maxWatchers: bound().default(nameServerDefaults.maxWatchers),
  maxTopicsPerWatcher: bound().default(nameServerDefaults.maxTopicsPerWatcher),
  log: log(),
})

export type NameServerSettings = z.infer<typeof nameServerSettings>

export function nameServerConfigOf(
  settings: NameServerSettings,
  machine: { readonly version: string },
): NameServerConfig {
  const { warmup, silence, log: _, ...rest } = settings
  const { gateway } = nameServerDefaults
  return { ...rest, gateway, warmupMs: warmup, silenceMs: silence, version: machine.version }
}

function bound() {
  return count({ min: 1, max: 2 ** 31 })
}
