export type LogFields = Readonly<Record<string, unknown>>

/** Structured logging: fields first, then one constant sentence. Never a message body. */
export interface Logger {
  debug(fields: LogFields, sentence: string): void
  info(fields: LogFields, sentence: string): void
  warn(fields: LogFields, sentence: string): void
  error(fields: LogFields, sentence: string): void

  /** A logger that adds `fields` to each line. */
  child(fields: LogFields): Logger
}

/** Says nothing. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
}
