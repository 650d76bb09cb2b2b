import process from 'node:process'
import { styleText } from 'node:util'
import { type Logger as Pino, pino } from 'pino'
import type { LogFields, Logger } from '../logger.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface PinoLoggerOptions {
  /** On each line: which process speaks. */
  readonly name: string
  readonly level: LogLevel
  /** One JSON object per line for machines, or a short line for people. */
  readonly format?: 'json' | 'text'
  /** Where lines go; the standard output unless given. */
  readonly destination?: LogDestination
}

export interface LogDestination {
  write(line: string): void
}

/** Logs as lines, through pino. Written at once: the last lines before a crash are what one needs. */
export function openPinoLogger(options: PinoLoggerOptions): Logger {
  const destination = options.destination ?? pino.destination({ dest: 1, sync: true })
  const errors = pino.stdSerializers.err
  const log = pino(
    {
      level: options.level,
      base: { name: options.name },
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: errors, cause: errors },
    },
    options.format === 'text' ? new TextLines(destination) : destination,
  )
  return new PinoLogger(log)
}

class PinoLogger implements Logger {
  readonly #log: Pino

  constructor(log: Pino) {
    this.#log = log
  }

  debug(fields: LogFields, sentence: string): void {
    this.#log.debug(fields, sentence)
  }

  info(fields: LogFields, sentence: string): void {
    this.#log.info(fields, sentence)
  }

  warn(fields: LogFields, sentence: string): void {
    this.#log.warn(fields, sentence)
  }

  error(fields: LogFields, sentence: string): void {
    this.#log.error(fields, sentence)
  }

  child(fields: LogFields): Logger {
    return new PinoLogger(this.#log.child(fields))
  }
}

const colours = { debug: 'gray', info: 'green', warn: 'yellow', error: 'red' } as const

/** Turns each JSON line into `time level name sentence field=value …`. */
class TextLines implements LogDestination {
  readonly #destination: LogDestination

  constructor(destination: LogDestination) {
    this.#destination = destination
  }

  write(line: string): void {
    const { time, level, name, message, error, ...fields } = JSON.parse(line) as TextLine
    const label = styleText(colours[level], level.toUpperCase().padEnd(5), {
      stream: process.stdout,
    })
    const rest = Object.entries(fields).map(([key, value]) => `${key}=${textOf(value)}`)
    const stack = error === undefined ? '' : `\n${error.stack ?? textOf(error)}`
    const text = [time.slice(11, 23), label, `${name}:`, message, ...rest].join(' ')
    this.#destination.write(`${text}${stack}\n`)
  }
}

interface TextLine extends Record<string, unknown> {
  readonly time: string
  readonly level: keyof typeof colours
  readonly name: string
  readonly message: string
  readonly error?: { readonly stack?: string }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
