import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MessageGroupOrder, type Standing } from './message-group-order.ts'

const MANY = 1_000

describe('MessageGroupOrder', () => {
  test('frees the first message of each message group, and all that have none', () => {
    const order = scanned(['a', 'a', 'b', undefined, undefined, 'b'])

    expect(freeIn(order, 6)).toEqual([0, 2, 3, 4])
  })

  test('frees nothing of a message group while any message of it is out', () => {
    const order = scanned(['a', 'b', 'a', 'a'])

    order.changed(0, 1, 'out')
    expect(freeIn(order, 4)).toEqual([1])
    order.changed(2, 3, 'out')
    order.changed(0, 1, 'ready')
    expect(freeIn(order, 4)).toEqual([1])
    order.changed(2, 3, 'done')
    expect(freeIn(order, 4)).toEqual([0, 1])
  })

  test('goes on with the next message when one is done', () => {
    const order = scanned(['a', 'a', 'a'])

    order.changed(0, 1, 'out')
    order.changed(0, 1, 'done')

    expect(freeIn(order, 3)).toEqual([1])
    expect(order.nextRead({ doneBelow: 0, maxOffset: 3 })).toBe(1)
  })

  // A key that is held up, with all its followers, would fill the memory.
  test('looks no further than it may, until something is done', () => {
    const order = new MessageGroupOrder(0, 3)
    for (const group of ['a', 'a', 'a']) order.scan(group, 'ready')
    order.changed(0, 1, 'out')

    expect(order.nextRead({ doneBelow: 0, maxOffset: MANY })).toBeUndefined()
    order.changed(0, 1, 'done')
    expect(order.nextRead({ doneBelow: 0, maxOffset: MANY })).toBe(1)
    order.changed(1, 2, 'out')
    expect(order.nextRead({ doneBelow: 0, maxOffset: MANY })).toBe(3)
  })

  // After a restart members say what they hold before anybody has read which messages that are.
  test('frees nothing before it has looked at everything that is out', () => {
    const order = new MessageGroupOrder(0, MANY)
    order.changed(2, 3, 'out')

    order.scan('a', 'ready')
    order.scan('b', 'ready')
    expect(freeIn(order, 2)).toEqual([])
    order.scan('a', 'out')
    expect(freeIn(order, 3)).toEqual([1])
  })

  test('does not look at all before a message that somebody claims to hold far away', () => {
    const order = new MessageGroupOrder(0, 2)
    order.changed(MANY, MANY + 1, 'out')

    for (let i = 0; i < 4; i++) order.scan(`${i}`, 'ready')

    expect(order.mayScan).toBe(false)
    expect(order.nextRead({ doneBelow: 0, maxOffset: 2 * MANY })).toBe(0)
  })

  test('forgets everything at a reset', () => {
    const order = scanned(['a', 'b', 'a'])
    order.changed(0, 1, 'out')

    order.reset(1)

    expect(order.nextRead({ doneBelow: 0, maxOffset: 3 })).toBe(1)
    expect(order.scannedTo).toBe(1)
    order.scan('b', 'ready')
    order.scan('a', 'ready')
    expect(freeIn(order, 3)).toEqual([1, 2])
  })

  test('takes what retention has deleted for done, looked at or not', () => {
    const order = scanned(['a', 'a', 'b'])

    order.changed(0, 10, 'done')

    expect(order.nextRead({ doneBelow: 0, maxOffset: 10 })).toBeUndefined()
    expect(order.nextRead({ doneBelow: 0, maxOffset: 11 })).toBe(10)
  })

  // What is done before it is looked at is joined to what is done in front of it without a word.
  test('does not look at what is done below', () => {
    const order = new MessageGroupOrder(0, MANY)

    expect(order.nextRead({ doneBelow: 7, maxOffset: 10 })).toBe(7)
    expect(order.scannedTo).toBe(7)
  })

  test('agrees with its definition after any changes', () => {
    const messageGroup = fc.constantFrom('a', 'b', 'c', undefined)
    const change = fc.record({
      at: fc.nat(29),
      length: fc.integer({ min: 1, max: 4 }),
      standing: fc.constantFrom<Standing>('ready', 'out', 'done'),
    })
    fc.assert(
      fc.property(
        fc.array(messageGroup, { minLength: 1, maxLength: 30 }),
        fc.array(change, { maxLength: 40 }),
        (groups, changes) => {
          const order = scanned(groups)
          const standings: Standing[] = groups.map(() => 'ready')
          for (const { at, length, standing } of changes) {
            const to = Math.min(at + length, groups.length)
            // What is done stays so.
            const isOpen = standings.slice(at, to).every((each) => each !== 'done')
            if (at >= to || !isOpen) continue
            order.changed(at, to, standing)
            standings.fill(standing, at, to)
          }
          expect(freeIn(order, groups.length)).toEqual(expectedFree(groups, standings))
        },
      ),
    )
  })
})

function expectedFree(groups: readonly (string | undefined)[], standings: readonly Standing[]) {
  return groups.flatMap((group, offset) => {
    if (standings[offset] !== 'ready') return []
    if (group === undefined) return [offset]
    const isHeldUp = groups.some(
      (other, at) =>
        other === group && (standings[at] === 'out' || (standings[at] === 'ready' && at < offset)),
    )
    return isHeldUp ? [] : [offset]
  })
}

function scanned(groups: readonly (string | undefined)[]): MessageGroupOrder {
  const order = new MessageGroupOrder(0, MANY)
  for (const group of groups) order.scan(group, 'ready')
  return order
}

function freeIn(order: MessageGroupOrder, to: number): number[] {
  return Array.from({ length: to }, (_, offset) => offset).filter(
    (offset) => order.freeLine(offset) !== undefined,
  )
}
