import { errorCodeOfId, type SettlementAction } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { StaticGroup } from './static-group.ts'

const ACKNOWLEDGE: SettlementAction = { kind: 'acknowledge' }
const REJECT: SettlementAction = { kind: 'reject', reason: 'no' }
const FAILED: SettlementAction = { kind: 'retry', delayMs: 0, reason: 'failed' }

describe('a broker group whose master is dead', () => {
  // All the way there and back: nothing that a consumer was thanked for comes again.
  test('goes on for consumers at a slave, and its master goes on where they are', async () => {
    const group = await StaticGroup.start(1)
    const first = await group.join(1, 'first')
    await group.publish(1, 'a', 'b', 'c', 'd')
    await group.until(() => first.received.length === 4)
    await group.until(first.settle('a', ACKNOWLEDGE))
    await group.untilCopied()

    group.kill(1)
    const second = await group.join(2, 'second')
    await group.until(() => second.received.length === 3)
    expect(second.received).toEqual(['b 1', 'c 1', 'd 1'])
    await group.until(second.settle('b', ACKNOWLEDGE))
    await group.until(second.settle('d', ACKNOWLEDGE))
    await group.until(second.settle('c', FAILED))
    await group.until(() => second.received.length === 4)
    expect(second.received.at(-1)).toBe('c 2')
    expect(errorCodeOfId(await group.publish(2, 'e'))).toBe('NOT_MASTER')

    await group.startAgain(1)
    await group.until(() => second.endedBy !== undefined)
    const third = await group.join(1, 'third')
    await group.until(() => third.received.length === 1)
    await group.until(third.settle('c', ACKNOWLEDGE))
    await group.publish(1, 'e')
    await group.until(() => third.received.length === 2)

    expect(third.received).toEqual(['c 2', 'e 1'])
    expect(group.failures).toEqual([])
  })

  test('keeps what a slave was told until its log has it', async () => {
    const group = await StaticGroup.start(2)
    const first = await group.join(1, 'first')
    await group.publish(1, 'a', 'b')
    await group.until(() => first.received.length === 2)
    await group.untilCopied()
    group.kill(1)
    const second = await group.join(2, 'second')
    await group.until(() => second.received.length === 2)
    await group.until(second.settle('a', ACKNOWLEDGE))

    group.kill(2)
    const third = await group.join(3, 'third')
    await group.until(() => third.received.length === 2)
    await group.until(third.settle('b', ACKNOWLEDGE))
    const kept = [await group.overlayOf(2), await group.overlayOf(3)]
    await group.startAgain(2)
    await group.startAgain(1)
    const last = await group.join(1, 'last')
    await group.publish(1, 'c')
    await group.until(() => last.received.length > 0)
    await group.untilCopied()
    await group.simulation.advance(1_000)

    expect(kept.every((bytes) => bytes !== undefined)).toBe(true)
    expect(last.received).toEqual(['c 1'])
    expect([await group.overlayOf(2), await group.overlayOf(3)]).toEqual([undefined, undefined])
  })

  test('is stood in for by a slave that has lost its power meanwhile', async () => {
    for (let seed = 10; seed < 14; seed++) {
      const group = await StaticGroup.start(seed)
      const first = await group.join(1, 'first')
      await group.publish(1, 'a', 'b')
      await group.until(() => first.received.length === 2)
      await group.untilCopied()
      group.kill(1)
      const second = await group.join(2, 'second')
      await group.until(() => second.received.length === 2)
      await group.until(second.settle('a', ACKNOWLEDGE))

      group.cutPower(2)
      const third = await group.join(2, 'third')
      await group.until(() => third.received.length > 0)
      await group.simulation.advance(2_000)

      expect(third.received).toEqual(['b 1'])
    }
  })

  // Else it would learn of it when it is started again, whenever that is.
  test('learns what a slave was told when that one comes back after its master', async () => {
    const group = await StaticGroup.start(5)
    const first = await group.join(1, 'first')
    await group.publish(1, 'a', 'b', 'c', 'd')
    await group.until(() => first.received.length === 4)
    await group.untilCopied()
    group.kill(1)
    const second = await group.join(2, 'second')
    await group.until(() => second.received.length === 4)
    await group.until(second.settle('a', ACKNOWLEDGE))
    await group.until(second.settle('b', REJECT))

    group.kill(2)
    await group.startAgain(1)
    const third = await group.join(1, 'third')
    await group.until(() => third.received.length === 4)
    await group.until(third.settle('c', ACKNOWLEDGE))
    await group.startAgain(2)
    await group.until(() => third.endedBy !== undefined)
    expect(third.endedBy?.code).toBe('NOT_READY')
    const fourth = await group.join(1, 'fourth')
    await group.publish(1, 'e')
    await group.simulation.advance(5_000)

    expect(new Set(fourth.received.map((each) => each.split(' ')[0]))).toEqual(new Set(['d', 'e']))
    expect(await group.deadLetters(1)).toBe(1)
    expect(await group.overlayOf(2)).toBeUndefined()
    expect(fourth.endedBy).toBeUndefined()
    expect(group.failures).toEqual([])
  })

  // It has no other overlay than its own to ask for.
  test('gets a master that was promoted, which knows what it was told as a slave', async () => {
    const group = await StaticGroup.start(4)
    const first = await group.join(1, 'first')
    await group.publish(1, 'a', 'b')
    await group.until(() => first.received.length === 2)
    // Its slaves have to know that they are in sync.
    await group.simulation.advance(2_000)
    group.kill(1)
    const second = await group.join(2, 'second')
    await group.until(() => second.received.length === 2)
    await group.until(second.settle('a', ACKNOWLEDGE))

    await group.promote(2)
    await group.until(() => group.member(2)?.status.writable === true)
    const third = await group.join(2, 'third')
    await group.publish(2, 'c')
    await group.until(() => third.received.length === 2)

    expect(third.received.toSorted()).toEqual(['b 1', 'c 1'])
    await group.simulation.advance(1_000)
    expect(await group.overlayOf(2)).toBeUndefined()
  })

  // All slaves at once would deliver every message as often as there are slaves.
  test('is stood in for by one of its slaves', async () => {
    const group = await StaticGroup.start(3)
    const first = await group.join(1, 'first')
    await group.publish(1, 'a')
    await group.until(() => first.received.length === 1)
    await group.untilCopied()

    group.kill(1)
    await group.join(2, 'second')
    await group.simulation.advance(5_000)

    const refused = await group.tryToJoin(3, 'third')
    expect(refused.endedBy?.code).toBe('NOT_MASTER')
    // Each member knows it, whichever an operator asks.
    for (const id of [2, 3] as const) expect(await group.standIns(id)).toEqual([2])
    expect(await group.overlayOf(3)).toBeUndefined()
  })
})
