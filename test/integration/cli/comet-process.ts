import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const comet = fileURLToPath(new URL('../../../packages/cli/bin/comet.js', import.meta.url))

export interface Finished {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** One `comet` command as a process of its own. */
export class CometProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #finished: Promise<Finished>
  readonly #lines: AsyncIterator<string>

  constructor(args: readonly string[], options: { readonly input?: string } = {}) {
    const child = spawn(process.execPath, [comet, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
    })
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text
      })
    }
    child.stdin.end(options.input ?? '')
    this.#child = child
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    this.#finished = once(child, 'close').then(() => ({ exitCode: child.exitCode, ...output }))
  }

  /** The next line of the standard output; throws what the process said if it has ended. */
  async line(): Promise<string> {
    const { done, value } = await this.#lines.next()
    if (done !== true) return value
    const { exitCode, stderr } = await this.#finished
    throw new Error(`comet ended with code ${exitCode}: ${stderr}`)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Resolves when the process has ended and all of its output has come. */
  get finished(): Promise<Finished> {
    return this.#finished
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#finished
  }
}

/** Runs a command to its end. */
export function run(args: readonly string[], input?: string): Promise<Finished> {
  return new CometProcess(args, input === undefined ? {} : { input }).finished
}

/** A `comet dev` on free ports that is ready. */
export class DevCluster implements AsyncDisposable {
  readonly process: CometProcess
  /** What `--json` said. */
  readonly ready: { readonly nameserver: string; readonly broker: string; readonly data: string }

  private constructor(started: CometProcess, ready: DevCluster['ready']) {
    this.process = started
    this.ready = ready
  }

  static async start(...args: readonly string[]): Promise<DevCluster> {
    const started = new CometProcess(['dev', '--port', '0', '--json', ...args])
    return new DevCluster(started, JSON.parse(await started.line()))
  }

  /** Runs a command against it. */
  run(args: readonly string[], input?: string): Promise<Finished> {
    return run([...args, '-n', this.ready.nameserver], input)
  }

  /** The document that a command answers with `--json`. Throws if it fails. */
  async json(args: readonly string[], input?: string): Promise<unknown> {
    const { exitCode, stdout, stderr } = await this.run([...args, '--json'], input)
    if (exitCode !== 0) throw new Error(`comet ${args.join(' ')}: ${exitCode} ${stderr}`)
    return JSON.parse(stdout)
  }

  async stop(): Promise<Finished> {
    this.process.signal('SIGTERM')
    return this.process.finished
  }

  /** In order, so that its temporary folder goes, too. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
