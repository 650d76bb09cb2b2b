import type { Inspection } from './frames.ts'
import type { Inquiry } from './replica.ts'
import type { Turn } from './turn.ts'

/** Asks members about themselves. Who does not answer in time is not waited for. */
export function ask(turn: Turn, brokerIds: readonly number[]): Inquiry {
  const round = turn.nextNumber()
  if (brokerIds.length > 0) turn.act({ kind: 'inspect', round, brokerIds })
  return { round, askedAtMs: turn.nowMs, asked: brokerIds, answers: new Map() }
}

export function withAnswer(inquiry: Inquiry, answer: Inspection): Inquiry {
  return { ...inquiry, answers: new Map(inquiry.answers).set(answer.brokerId, answer) }
}

export function isAnswered({ asked, answers }: Inquiry): boolean {
  return asked.every((brokerId) => answers.has(brokerId))
}
