import assert from 'node:assert/strict'

/** The message field that the sender always sets; a peer that left it out is not one of ours. */
export function specOf<Spec>(answer: { readonly spec: Spec | null }): Spec {
  assert.ok(answer.spec !== null, 'a broker answered without the definition')
  return answer.spec
}

/** The one value that all have, or all the different ones: `sync`, `sync/async`. */
export function oneOrAll(values: readonly (string | number)[]): string {
  return [...new Set(values)].join('/')
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
