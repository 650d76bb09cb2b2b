/** One thing wrong with the configuration. */
export interface Mistake {
  /** Key path, such as `store.retention.maxAge`; empty where the whole file is meant. */
  readonly key: string
  /** Where the value came from: `broker.yaml:12`, `environment COMETMQ_LISTEN`, `flag --listen`. */
  readonly source: string
  /** What is wrong and what is allowed. */
  readonly message: string
}

/** All that is wrong with the configuration, found in one go. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly mistakes: readonly Mistake[]

  constructor(mistakes: readonly Mistake[]) {
    super(
      mistakes.length === 1
        ? '1 mistake in the configuration'
        : `${mistakes.length} mistakes in the configuration`,
    )
    this.mistakes = mistakes
  }
}

export function mistakeLine(mistake: Mistake): string {
  return [mistake.key, mistake.message, `(${mistake.source})`].filter(Boolean).join('  ')
}
