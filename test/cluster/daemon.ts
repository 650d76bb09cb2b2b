import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { hasStopped, killWithUs } from './child.ts'

const comet = fileURLToPath(new URL('../../packages/cli/bin/comet.js', import.meta.url))

/** A line of its log. */
export type LogLine = Readonly<Record<string, unknown>>

/** One `comet` daemon as a real process of its own; what it says goes to a file. */
export class Daemon {
  readonly name: string
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  readonly #onLine: (line: LogLine) => void
  /** By message, which are constant sentences: the first line with each. */
  readonly #said = new Map<string, PromiseWithResolvers<LogLine>>()
  #address = ''

  private constructor(name: string, child: ChildProcess, onLine: (line: LogLine) => void) {
    this.name = name
    this.#child = child
    this.#onLine = onLine
    this.#exited = once(child, 'exit').then(() => {})
  }

  /** Resolves when the daemon has said that it is ready. Rejects with its last words if it ends before. */
  static async start(options: {
    readonly name: string
    readonly args: readonly string[]
    readonly logDirectory: string
    /** In addition to ours. */
    readonly env?: Readonly<Record<string, string>>
    /** What comes before its command line, as `ip netns exec NAME`. */
    readonly prefix?: readonly string[]
    /** Is given each line of its log as it comes. */
    readonly onLine?: (line: LogLine) => void
  }): Promise<Daemon> {
    const line = [...(options.prefix ?? []), process.execPath, comet, ...options.args]
    const [program = '', ...args] = line
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    })
    killWithUs(child)
    const daemon = new Daemon(options.name, child, options.onLine ?? (() => {}))
    const logPath = path.join(options.logDirectory, `${options.name}.log`)
    daemon.#address = await daemon.#untilReady(createWriteStream(logPath, { flags: 'a' }))
    return daemon
  }

  /** `host:port`, with the port that was taken. */
  get address(): string {
    return this.#address
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** `null` while it runs, and when a signal ended it. */
  get exitCode(): number | null {
    return this.#child.exitCode
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** The first line with that message, also if it has been said before. Rejects when the daemon ends without. */
  async said(message: string): Promise<LogLine> {
    const silent = this.#exited.then(() => {
      throw new Error(`${this.name} has ended and never said "${message}"`)
    })
    return Promise.race([this.#lineOf(message).promise, silent])
  }

  /** Resolves when it stands still, until it gets a SIGCONT. */
  async freeze(): Promise<void> {
    this.#child.kill('SIGSTOP')
    await hasStopped(this.#child)
  }

  /** Resolves when the process has gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.isRunning) this.#child.kill(signal)
    await this.#exited
  }

  async #untilReady(log: WriteStream): Promise<string> {
    const lastLines: string[] = []
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue
      createInterface({ input: stream }).on('line', (line) => {
        log.write(`${line}\n`)
        lastLines.push(line)
        if (lastLines.length > 20) lastLines.shift()
        if (!line.startsWith('{')) return
        const said = JSON.parse(line) as LogLine
        const { message, address } = said
        if (typeof message !== 'string') return
        this.#onLine(said)
        this.#lineOf(message).resolve(said)
        if (message.endsWith('is ready') && typeof address === 'string') resolve(address)
      })
    }
    void this.#exited.then(() => {
      log.end()
      reject(new Error(`${this.name} ended before it was ready:\n${lastLines.join('\n')}`))
    })
    return promise
  }

  #lineOf(message: string): PromiseWithResolvers<LogLine> {
    let line = this.#said.get(message)
    if (line === undefined) {
      line = Promise.withResolvers()
      this.#said.set(message, line)
    }
    return line
  }
}
