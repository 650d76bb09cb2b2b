import { describe } from 'vitest'
import { describeListener } from './listener-contract.ts'
import { describeStreams } from './stream-contract.ts'
import type { TransportSubject } from './transport-subject.ts'
import { describeUnaryCalls } from './unary-contract.ts'

/** What every `Transport` promises. */
export function describeTransport(open: () => Promise<TransportSubject>): void {
  describe('a unary call', () => {
    describeUnaryCalls(open)
  })
  describe('a stream', () => {
    describeStreams(open)
  })
  describe('a listener', () => {
    describeListener(open)
  })
}
