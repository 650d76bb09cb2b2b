import type { LogLevel } from '@cometmq/runtime/node'
import type * as z from 'zod'
import { readFlags, type SettingOptions } from '../config/flags.ts'
import { type LoadedSettings, loadSettings } from '../config/load.ts'
import { settingPaths, shownValue } from '../config/paths.ts'
import { type OutputOptions, show } from '../output.ts'
import { tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'

export interface DaemonOptions extends SettingOptions, OutputOptions {
  readonly config?: string
  /** Only check the settings and show them. */
  readonly check?: boolean
}

/** The settings of a daemon; throws `ConfigError` with every mistake. */
export function loadDaemonSettings<Schema extends z.ZodType>(
  terminal: Terminal,
  options: DaemonOptions,
  schemas: {
    readonly own: Schema
    /** The other daemon's. */
    readonly foreign: () => Promise<z.ZodType>
  },
): Promise<LoadedSettings<z.infer<Schema>>> {
  return loadSettings(schemas.own, {
    file: options.config ?? (terminal.env['COMETMQ_CONFIG'] || undefined),
    env: terminal.env,
    flags: readFlags(options),
    foreign: async () => settingPaths(await schemas.foreign()),
  })
}

/** Every setting with its value and where that came from. */
export function showSettings(
  terminal: Terminal,
  options: OutputOptions,
  schema: z.ZodType,
  loaded: LoadedSettings<object>,
): void {
  const settings = settingPaths(schema).map((path) => {
    const key = path.join('.')
    const value = shownValue(schema, path, valueAt(loaded.settings, path))
    return { key, value, source: loaded.sources.get(key) ?? 'default' }
  })
  show(terminal, options, {
    document: { settings },
    lines: (style) =>
      tableLines(
        [
          { title: 'SETTING', value: ({ key }) => key },
          { title: 'VALUE', value: ({ value }) => value || '-' },
          { title: 'FROM', value: ({ source }) => source },
        ],
        settings,
        style,
      ),
  })
}

/** The ports' options of a daemon: where it logs, how much and in which form. */
export function logOptions(
  terminal: Terminal,
  log: { readonly level: LogLevel; readonly format: 'auto' | 'json' | 'text' },
): {
  logLevel: LogLevel
  logFormat: 'json' | 'text'
  logDestination: { write(line: string): void }
} {
  const automatic = terminal.out.isTTY === true ? 'text' : 'json'
  return {
    logLevel: log.level,
    logFormat: log.format === 'auto' ? automatic : log.format,
    logDestination: { write: (line) => void terminal.out.write(line) },
  }
}

function valueAt(settings: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (section, name) =>
      typeof section === 'object' && section !== null
        ? (section as Record<string, unknown>)[name]
        : undefined,
    settings,
  )
}
