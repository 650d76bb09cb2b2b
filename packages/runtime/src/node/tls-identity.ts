import { readFile, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { CometError, toCometError } from '@cometmq/protocol'
import type { Logger } from '../logger.ts'
import { selfSigned, type TlsIdentity } from './self-signed.ts'

/** PEM files that an operator, or a tool such as cert-manager, keeps up to date. */
export interface TlsFiles {
  readonly certificateFile: string
  readonly keyFile: string
}

/** Files are looked at for changes no more often. */
const LOOK_INTERVAL_MS = 1_000

/**
 * With what this process proves itself to clients that come with TLS: the configured files as they
 * are now, or a self-signed certificate that is made when the first one comes.
 */
export class TlsIdentities {
  readonly #files: TlsFiles | undefined
  readonly #log: Logger
  #current: TlsIdentity | undefined
  #readAtMs = 0
  #seen = ''
  #looking: Promise<void> | undefined

  constructor(log: Logger, files?: TlsFiles) {
    this.#files = files
    this.#log = log
  }

  /** Throws `CONFIG_INVALID` if the files cannot be read now. */
  async check(): Promise<void> {
    if (this.#files === undefined) return
    try {
      await this.#read(this.#files)
    } catch (thrown) {
      const message = `the TLS files cannot be read: ${toCometError(thrown).message}`
      throw new CometError('CONFIG_INVALID', message, { cause: thrown })
    }
  }

  /** The same object until it changes. Files that cannot be read any more leave it as it was. */
  async current(): Promise<TlsIdentity> {
    if (this.#files !== undefined && Date.now() - this.#readAtMs >= LOOK_INTERVAL_MS) {
      this.#looking ??= this.#look(this.#files).finally(() => (this.#looking = undefined))
      await this.#looking
    }
    this.#current ??= selfSigned(['localhost', '127.0.0.1', hostname()], Date.now())
    return this.#current
  }

  async #look(files: TlsFiles): Promise<void> {
    try {
      await this.#read(files)
    } catch (error) {
      this.#readAtMs = Date.now()
      this.#log.warn({ error }, 'the TLS files cannot be read; going on with what they were')
    }
  }

  async #read({ certificateFile, keyFile }: TlsFiles): Promise<void> {
    this.#readAtMs = Date.now()
    const times = await Promise.all([certificateFile, keyFile].map((file) => stat(file)))
    const seen = times.map(({ mtimeMs, ino }) => `${mtimeMs}/${ino}`).join()
    if (seen === this.#seen) return
    const [certificate, key] = await Promise.all([
      readFile(certificateFile, 'utf8'),
      readFile(keyFile, 'utf8'),
    ])
    if (this.#current !== undefined) this.#log.info({ certificateFile }, 'TLS files read anew')
    this.#current = { certificate, key }
    this.#seen = seen
  }
}
