import type { Action, Transaction } from '@cometmq/replication'
import type { MemberProcess } from './member-process.ts'

/** What went on, for whoever has to understand a seed. Costs nothing when nobody listens. */
export class Story {
  readonly lines: string[] = []
  readonly #isTold: boolean

  constructor(isTold: boolean) {
    this.#isTold = isTold
  }

  tell(line: string): void {
    if (this.#isTold) this.lines.push(line)
  }

  acting(process: MemberProcess, action: Action): void {
    if (!this.#isTold) return
    const { kind, ...rest } = action
    this.tell(`${process.brokerId} ${process.role.kind}: ${kind} ${JSON.stringify(rest, plain)}`)
  }

  applied(process: MemberProcess, transaction: Transaction): void {
    if (!this.#isTold) return
    const put = transaction.writes.find((write) => write.kind === 'put-state')
    this.tell(`elector: ${transaction.kind} of ${process.brokerId} ${JSON.stringify(put, plain)}`)
  }
}

function plain(key: string, value: unknown): unknown {
  if (key === 'entries' && Array.isArray(value)) return value.length
  return value instanceof Map ? [...value] : value
}
