import { mkdtempSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { Broker, type BrokerConfig, brokerDefaults } from '@cometmq/broker'
import { NameServer, nameServerDefaults } from '@cometmq/nameserver'
import { CometError } from '@cometmq/protocol'
import { type LogLevel, openNodeRuntime } from '@cometmq/runtime/node'
import { storeConfig } from '@cometmq/store'
import { formatAddress, isWildcard, parseAddress } from '../config/address.ts'
import { type OutputOptions, show, type View } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { readVersion } from '../version.ts'

export interface DevOptions extends OutputOptions {
  readonly data?: string
  readonly host: string
  /** Of the name server. */
  readonly port: number
  readonly brokerPort?: number
  readonly queues: number
  readonly logLevel: LogLevel
}

const BROKER_PORT = 8081
const MIB = 2 ** 20

/** A whole cluster in this process until it is asked to end: one name server and one broker. */
export async function dev(terminal: Terminal, options: DevOptions): Promise<void> {
  using folder = options.data === undefined ? new TemporaryFolder() : new KeptFolder(options.data)
  await using runtime = openNodeRuntime({
    name: 'dev',
    logLevel: options.logLevel,
    logFormat: terminal.err.isTTY === true ? 'text' : 'json',
    logDestination: { write: (line) => void terminal.err.write(line) },
  })
  await using nameServer = await NameServer.open(
    {
      ...nameServerDefaults,
      cluster: 'dev',
      listen: formatAddress({ host: options.host, port: options.port }),
      // There is one broker, and it registers before anybody is told that this is ready.
      warmupMs: 0,
      version: readVersion(),
    },
    runtime,
  )
  await using broker = await Broker.open(
    brokerConfig(options, folder.path, nameServer.address),
    runtime,
    { rssBytes: () => process.memoryUsage.rss() },
  )
  const serving = broker.serve(terminal.stop)
  await Promise.race([registered(nameServer, terminal.stop), serving])
  if (!terminal.stop.aborted) {
    show(terminal, options, readyView({ nameServer, broker, folder }))
  }
  await serving
}

function brokerConfig(options: DevOptions, directory: string, nameServer: string): BrokerConfig {
  const { host, port } = options
  return {
    ...brokerDefaults,
    cluster: 'dev',
    brokerName: 'dev',
    listen: formatAddress({ host, port: options.brokerPort ?? (port === 0 ? 0 : BROKER_PORT) }),
    advertise: isWildcard(host) ? hostname() : undefined,
    nameservers: [dialableHere(nameServer)],
    autoCreateTopics: true,
    topicDefaults: { queueCount: options.queues },
    store: storeConfig(directory, {
      segmentMaxBytes: 64 * MIB,
      // A laptop's disk, or a small memory disk, is never as empty as a server's.
      minFreeBytes: 128 * MIB,
      hardFreeBytes: 64 * MIB,
      // Beside an editor and a browser memory is dear, and nobody is far behind.
      maxPendingBytes: 16 * MIB,
      tailCacheBytes: 8 * MIB,
      readCacheBytes: 4 * MIB,
    }),
    publish: {
      ...brokerDefaults.publish,
      maxPendingBytesPerStream: 8 * MIB,
      maxPendingBytes: 16 * MIB,
    },
    // Whoever ends it sits before it.
    drainTimeoutMs: 2_000,
    version: readVersion(),
  }
}

/** Where a process on this machine reaches what listens at `address`. */
function dialableHere(address: string): string {
  const parsed = parseAddress(address)
  if (parsed === undefined || !isWildcard(parsed.host)) return address
  return formatAddress({ host: parsed.host === '::' ? '::1' : '127.0.0.1', port: parsed.port })
}

const REGISTRATION_MAX_MS = 10_000
const LOOK_INTERVAL_MS = 2

async function registered(nameServer: NameServer, stop: AbortSignal): Promise<void> {
  const deadlineMs = performance.now() + REGISTRATION_MAX_MS
  while (nameServer.status.brokers === 0 && !stop.aborted) {
    if (performance.now() > deadlineMs) {
      throw new CometError('TIMEOUT', 'the broker did not register with the name server')
    }
    await delay(LOOK_INTERVAL_MS)
  }
}

function readyView(running: {
  readonly nameServer: NameServer
  readonly broker: Broker
  readonly folder: Folder
}): View {
  // Counted from the start of the process, as its user does.
  const readyMs = Math.round(performance.now())
  const endpoint = dialableHere(running.nameServer.address)
  const { path: directory, isKept } = running.folder
  return {
    document: {
      nameserver: endpoint,
      broker: dialableHere(running.broker.address),
      data: directory,
      readyMs,
    },
    lines: () => [
      `CometMQ ${readVersion()} for development: name server ${endpoint}, broker ${dialableHere(running.broker.address)}`,
      `data in ${directory}${isKept ? '' : ', removed at the end; --data DIR keeps it'}`,
      '',
      "  import { connect } from '@cometmq/client'",
      `  const comet = await connect({ endpoints: '${endpoint}' })`,
      "  await comet.topic('orders').send({ id: 1 })",
      '',
      `ready after ${readyMs} ms; Ctrl-C ends it`,
    ],
  }
}

interface Folder extends Disposable {
  readonly path: string
  readonly isKept: boolean
}

/** Removed when the command ends, and also when the process is made to end at once. */
class TemporaryFolder implements Folder {
  readonly path: string
  readonly isKept = false
  readonly #remove = (): void => rmSync(this.path, { recursive: true, force: true })

  constructor() {
    this.path = mkdtempSync(path.join(tmpdir(), 'cometmq-dev-'))
    process.once('exit', this.#remove)
  }

  [Symbol.dispose](): void {
    process.removeListener('exit', this.#remove)
    this.#remove()
  }
}

class KeptFolder implements Folder {
  readonly path: string
  readonly isKept = true

  constructor(directory: string) {
    this.path = path.resolve(directory)
  }

  [Symbol.dispose](): void {}
}
