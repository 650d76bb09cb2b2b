import { type NameServerConfig, nameServerDefaults } from '@cometmq/nameserver'
import * as z from 'zod'
import { EXTERNAL_LISTENER, gateway, http, log, name, tls, tlsTogether } from './common-settings.ts'
import { address, count, durationMs, flag } from './setting.ts'

const SECOND_MS = 1_000
const DAY_MS = 86_400_000

/** What each setting means to those who set it stands in `docs/configuration.md`. */
const singleSettings = z.strictObject({
  cluster: name().default('default'),
  listen: address().default(nameServerDefaults.listen),
  /** A second way in: whoever uses it is told the external addresses of the brokers. */
  external: z.strictObject({ listen: address().optional() }).prefault({}),
  warmup: durationMs({ min: 0, max: DAY_MS }).default(nameServerDefaults.warmupMs),
  silence: durationMs({ min: SECOND_MS, max: DAY_MS }).default(nameServerDefaults.silenceMs),
  remember: durationMs({ min: 0, max: 7 * DAY_MS }).default(nameServerDefaults.rememberMs),
  maxBrokers: bound().default(nameServerDefaults.maxBrokers),
  maxTopicsPerBroker: bound().default(nameServerDefaults.maxTopicsPerBroker),
  maxWatchers: bound().default(nameServerDefaults.maxWatchers),
  maxTopicsPerWatcher: bound().default(nameServerDefaults.maxTopicsPerWatcher),
  http: http(),
  tls: tls(),
  reflection: flag().default(nameServerDefaults.reflection),
  gateway: gateway(),
  log: log(),
})

export type NameServerSettings = z.infer<typeof singleSettings>

export const nameServerSettings = singleSettings.refine(...tlsTogether<NameServerSettings>())

export function nameServerConfigOf(
  settings: NameServerSettings,
  machine: {
    readonly version: string
    /** Of official clients. */
    readonly users?: Readonly<Record<string, string>> | undefined
  },
): NameServerConfig {
  return {
    cluster: settings.cluster,
    listen: settings.listen,
    listeners:
      settings.external.listen === undefined
        ? {}
        : { [EXTERNAL_LISTENER]: settings.external.listen },
    warmupMs: settings.warmup,
    silenceMs: settings.silence,
    rememberMs: settings.remember,
    maxBrokers: settings.maxBrokers,
    maxTopicsPerBroker: settings.maxTopicsPerBroker,
    maxWatchers: settings.maxWatchers,
    maxTopicsPerWatcher: settings.maxTopicsPerWatcher,
    reflection: settings.reflection,
    gateway: { users: machine.users },
    version: machine.version,
  }
}

function bound() {
  return count({ min: 1, max: 2 ** 31 })
}
