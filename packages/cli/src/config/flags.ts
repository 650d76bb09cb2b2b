import { CommandError } from '../command-error.ts'
import { exitCodes } from '../exit-codes.ts'
import type { Given } from './given.ts'

/** Options of `comet broker` and `comet nameserver` that are settings, and which. */
const settingsOfOptions = {
  cluster: ['cluster'],
  name: ['brokerName'],
  listen: ['listen'],
  advertise: ['advertise'],
  nameserver: ['nameserver'],
  data: ['store', 'directory'],
  logLevel: ['log', 'level'],
} as const

export type SettingOption = keyof typeof settingsOfOptions

export interface SettingOptions extends Partial<Record<SettingOption, string>> {
  /** `key.path=value`, for every setting without an option of its own. */
  readonly set?: readonly string[]
}

/** What the command line says about settings. */
export function readFlags(options: SettingOptions): Given[] {
  const named = Object.entries(settingsOfOptions).flatMap(([option, path]) => {
    const value = options[option as SettingOption]
    return value === undefined ? [] : [{ path, value, source: `flag ${flagOf(option)}` }]
  })
  return [...named, ...(options.set ?? []).map(readAssignment)]
}

function readAssignment(text: string): Given {
  const equals = text.indexOf('=')
  if (equals < 1) {
    throw new CommandError(
      exitCodes.usage,
      `--set ${text} has no value`,
      '--set store.retention.maxAge=72h',
    )
  }
  const key = text.slice(0, equals)
  return { path: key.split('.'), value: text.slice(equals + 1), source: `flag --set ${key}` }
}

function flagOf(option: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}
