import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import type { Language } from './languages.ts'

export type Role = 'produce' | 'simple' | 'push'

/** One official client at work, and what it has said. */
export class ClientProcess {
  readonly sent: string[] = []
  /** Message id → attempts, in the order of arrival. */
  readonly received = new Map<string, number[]>()
  /** Bodies with their attempts, in the order of arrival. */
  readonly arrived: { readonly body: string; readonly attempt: number }[] = []
  readonly errors: string[] = []
  readonly #child: ChildProcess
  readonly #ready = Promise.withResolvers<void>()
  readonly #exited: Promise<number>

  constructor(language: Language, role: Role, env: Readonly<Record<string, string>>) {
    const [program = '', ...args] = language.command
    const home = mkdtempSync(path.join(tmpdir(), 'interop-'))
    this.#child = spawn(program, [...args, role], {
      stdio: ['ignore', 'pipe', 'ignore'],
      // Clients write logs into the home folder.
      env: { ...process.env, HOME: home, ...env },
    })
    this.#exited = once(this.#child, 'exit').then(([code]) => {
      rmSync(home, { recursive: true, force: true })
      this.#ready.resolve()
      return Number(code ?? 1)
    })
    if (this.#child.stdout === null) throw new Error('the client has no output')
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#take(line))
  }

  /** Resolves when the client has started, or ended. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Resolves to the exit code. */
  get exited(): Promise<number> {
    return this.#exited
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #take(line: string): void {
    // Clients print lines of their own, too.
    if (!line.startsWith('{')) return
    let said: {
      ready?: boolean
      sent?: string
      received?: string
      body?: string
      attempt?: number
      error?: string
    }
    try {
      said = JSON.parse(line) as typeof said
    } catch {
      return
    }
    if (said.ready) this.#ready.resolve()
    if (said.sent !== undefined) this.sent.push(said.sent)
    if (said.error !== undefined) this.errors.push(said.error)
    if (said.received !== undefined) {
      const attempts = this.received.get(said.received) ?? []
      attempts.push(said.attempt ?? 0)
      this.received.set(said.received, attempts)
      this.arrived.push({ body: said.body ?? '', attempt: said.attempt ?? 0 })
    }
  }
}
