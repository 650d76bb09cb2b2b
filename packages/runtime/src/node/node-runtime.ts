import type { Runtime } from '../runtime.ts'
import { GrpcTransport } from './grpc-transport.ts'
import { levelStores } from './level-stores.ts'
import { nodeFileSystem } from './node-file-system.ts'
import { type LogDestination, type LogLevel, openPinoLogger } from './pino-logger.ts'
import { systemClock } from './system-clock.ts'
import { systemRandom } from './system-random.ts'
import { type TlsFiles, TlsIdentities } from './tls-identity.ts'

export interface NodeRuntimeOptions {
  /** On each line of the log: which process speaks. */
  readonly name: string
  readonly logLevel: LogLevel
  /** `json` unless given. */
  readonly logFormat?: 'json' | 'text'
  /** The standard output unless given. */
  readonly logDestination?: LogDestination
  /** For clients that come with TLS; without it, a self-signed certificate. */
  readonly tls?: TlsFiles | undefined
}

export type NodeRuntime = Runtime & AsyncDisposable

/** The ports of a real process. Disposing of it closes its connections and listeners. */
export function openNodeRuntime(options: NodeRuntimeOptions): NodeRuntime {
  const log = openPinoLogger({
    name: options.name,
    level: options.logLevel,
    format: options.logFormat ?? 'json',
    ...(options.logDestination === undefined ? {} : { destination: options.logDestination }),
  })
  const transport = new GrpcTransport(log, new TlsIdentities(log, options.tls))
  return {
    clock: systemClock,
    random: systemRandom,
    files: nodeFileSystem,
    keyValueStores: levelStores,
    transport,
    log,
    [Symbol.asyncDispose]: () => transport.close(),
  }
}
