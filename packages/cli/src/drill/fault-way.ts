import { askMember } from '../broker-group.ts'
import { CommandError } from '../command-error.ts'
import { readAnswer } from '../confirm.ts'
import { exitCodes } from '../exit-codes.ts'
import type { Connected } from '../operator.ts'
import type { Terminal } from '../terminal.ts'
import type { ObservedCluster } from './observed-cluster.ts'
import type { OperatorScenario } from './operator-scenarios.ts'
import { runInShell } from './shell-command.ts'
import { fill, type Target } from './target.ts'

export interface WayOptions {
  readonly faultCommand?: string
  readonly healCommand?: string
  /** A person is told what to do, and when. */
  readonly manual?: boolean
}

type Kind = 'hand-over' | 'command' | 'manual'

/** A hand-over takes milliseconds; it is taken back after this. */
const HAND_OVER_MS = 10_000

/** How a fault of a cluster that is not ours comes about: by its own means, a command, or a person. */
export class FaultWay {
  readonly kind: Kind
  readonly #terminal: Terminal
  readonly #fault: string
  readonly #heal: string | undefined

  private constructor(
    kind: Kind,
    terminal: Terminal,
    lines: { readonly fault: string; readonly heal: string | undefined },
  ) {
    this.kind = kind
    this.#terminal = terminal
    this.#fault = lines.fault
    this.#heal = lines.heal
  }

  /** Throws a mistake in usage where the options say none, or several. */
  static of(terminal: Terminal, scenario: OperatorScenario, options: WayOptions): FaultWay {
    const { faultCommand, healCommand, manual } = options
    const { name, fault, heal } = scenario
    if (faultCommand !== undefined && manual === true) {
      throw usage('--fault-command and --manual exclude each other')
    }
    if (faultCommand !== undefined) {
      return new FaultWay('command', terminal, { fault: faultCommand, heal: healCommand })
    }
    if (healCommand !== undefined) throw usage('--heal-command needs a --fault-command')
    if (manual === true) {
      if (terminal.input.isTTY !== true || terminal.err.isTTY !== true) {
        throw usage('--manual needs a terminal', 'give --fault-command where there is none')
      }
      return new FaultWay('manual', terminal, { fault, heal: heal === '' ? undefined : heal })
    }
    if (name === 'hand-over') return new FaultWay(name, terminal, { fault, heal: undefined })
    const hint = 'give --fault-command, or --manual to do it yourself when you are told to'
    throw usage(`${name} is not in the power of this command`, hint)
  }

  /** Whether it also puts right what it has broken. */
  get heals(): boolean {
    return this.#heal !== undefined
  }

  /** What will be done, with the places filled. */
  lineFor(target: Target | undefined): string {
    const line = filled(this.#fault, target)
    return this.kind === 'command' ? `run: ${line}` : line
  }

  healLineFor(target: Target | undefined): string {
    return filled(this.#heal ?? '', target)
  }

  async fault(
    target: Target | undefined,
    around: { readonly connected: Connected; readonly cluster: ObservedCluster },
  ): Promise<void> {
    const { stop } = this.#terminal
    switch (this.kind) {
      case 'command':
        return await runInShell(filled(this.#fault, target), stop)
      case 'manual':
        return await this.#ask(filled(this.#fault, target))
      case 'hand-over': {
        const addresses = around.cluster.addressesOf(target?.brokerName ?? '')
        const request = { kind: 'hand-over', memberId: 0, timeoutMs: HAND_OVER_MS }
        const call = { timeoutMs: HAND_OVER_MS, signal: stop }
        await askMember(around.connected, addresses, 'CommandGroup', request, call)
      }
    }
  }

  /** Also when the drill is interrupted, which a person has to be told. */
  async heal(target: Target | undefined): Promise<void> {
    const line = filled(this.#heal ?? '', target)
    if (this.kind === 'command') await runInShell(line)
    else if (this.#terminal.stop.aborted) this.#terminal.err.write(`interrupted: ${line}\n`)
    else await this.#ask(line)
  }

  async #ask(line: string): Promise<void> {
    this.#terminal.err.write(`\r\u001b[2Know ${line}, then press Enter: `)
    await readAnswer(this.#terminal)
  }
}

function filled(line: string, target: Target | undefined): string {
  if (target === undefined) throw new CommandError(exitCodes.precondition, 'there is no master')
  const answer = fill(line, target)
  if (answer.kind === 'filled') return answer.text
  throw new CommandError(exitCodes.precondition, answer.why)
}

function usage(message: string, hint?: string): CommandError {
  return new CommandError(exitCodes.usage, message, hint)
}
