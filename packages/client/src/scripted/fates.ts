import type { Settlement } from '@cometmq/protocol'
import type { ScriptedMember } from './scripted-streams.ts'

/** What became of the messages of a member, in the order in which it told. */
export function fates(member: ScriptedMember): string[] {
  return member.settlements.map(({ action, range }) => `${action.kind} ${range.from}-${range.to}`)
}

/** The offsets that a member has settled so, each once. */
export function settledOffsets(
  member: ScriptedMember,
  kind: Settlement['action']['kind'],
): number[] {
  const offsets = member.settlements
    .filter(({ action }) => action.kind === kind)
    .flatMap(({ range }) => Array.from({ length: range.to - range.from }, (_, i) => range.from + i))
  return [...new Set(offsets)].toSorted((a, b) => a - b)
}

/** As many bodies. */
export function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i))
}
