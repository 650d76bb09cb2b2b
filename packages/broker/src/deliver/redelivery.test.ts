import { deadLetterTopicOf, errorTable, type LeasedRange } from '@cometmq/protocol'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  ACKNOWLEDGE,
  GROUP,
  NO_RETENTION,
  type Received,
  REJECT,
  RETRY,
  TOPIC,
  topic,
  World,
  type WorldOptions,
} from './testing/delivery-world.ts'

describe('a failed delivery', () => {
  test('comes back after its delay, with its attempt, reason and identity', async () => {
    const world = await start()
    const member = await world.join()
    await world.publish(['a', 'b', 'c'])

    const failures = await member.settle(member.received[1], {
      kind: 'retry',
      delayMs: 5_000,
      reason: 'no such customer',
    })
    expect(failures).toEqual([])
    expect(await world.backlog()).toEqual({ ready: 0, inFlight: 2, delayed: 1, backlog: 3 })
    await world.simulation.advance(4_900)
    expect(member.received.length).toBe(3)
    await world.simulation.advance(150)

    const again = member.received[3]
    expect(again).toMatchObject({ body: 'b', attempt: 2, retry: true, topic: TOPIC })
    expect(again?.id).toBe(member.received[1]?.id)
    expect(again?.origin).toMatchObject({
      topic: TOPIC,
      queueOffset: 1,
      attempts: 1,
      reason: 'no such customer',
    })
    await member.acknowledgeAll()
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })

  // One delay for a message that fails again and again would hammer whatever is broken.
  test('waits as long as the group says for each attempt', async () => {
    const world = await start()
    await world.createGroup({ retryDelaysMs: [1_000, 10_000] })
    const member = await world.join()
    await world.publish(['a'])

    const times: number[] = []
    for (let attempt = 1; attempt <= 4; attempt++) {
      await world.simulation.runUntil(() => member.received.length === attempt, { limitMs: 60_000 })
      times.push(world.simulation.clock.elapsedMs())
      await member.settle(member.received.at(-1), RETRY)
    }

    const waits = times.slice(1).map((time, index) => time - (times[index] as number))
    for (const [index, expectedMs] of [1_000, 10_000, 10_000].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(expectedMs)
      expect(waits[index]).toBeLessThan(expectedMs + 100)
    }
  })

  // A poison message must not go round for ever, nor hold up the others.
  test('of a poison message ends in the dead letters, with attempts and reason', async () => {
    const world = await start()
    await world.createGroup({ maxAttempts: 3, retryDelaysMs: [100] })
    const member = await world.join()
    await world.publish(['poison'])
    for (let attempt = 1; attempt <= 3; attempt++) {
      await world.simulation.runUntil(() => member.received.length === attempt, { limitMs: 5_000 })
      expect(member.received.at(-1)?.attempt).toBe(attempt)
      await member.settle(member.received.at(-1), { ...RETRY, reason: `failure ${attempt}` })
    }
    await world.simulation.advance(60_000)

    expect(member.received.length).toBe(3)
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
    expect(world.engine.deadLetters.count(GROUP)).toBe(1)
    const [letter] = await world.run(
      world.engine.deadLetters.peek(GROUP, { from: 0, maxMessages: 10 }),
    )
    expect(letter?.message.body.toString()).toBe('poison')
    expect(letter?.messageId).toBe(member.received[0]?.id)
    expect(letter?.batch.sections.origin).toMatchObject({
      topic: TOPIC,
      attempts: 3,
      reason: 'failure 3',
    })
    expect(world.topics.get(deadLetterTopicOf(GROUP))).toBeDefined()
  })

  test('goes to the dead letters at once when it is rejected', async () => {
    const world = await start()
    const member = await world.join()
    await world.publish(['broken', 'fine'])

    await member.settle(member.received[0], { kind: 'reject', reason: 'not JSON' })

    expect(world.engine.deadLetters.count(GROUP)).toBe(1)
    expect(await world.backlog()).toMatchObject({ inFlight: 1, backlog: 1 })
  })

  test('of a member that lets its lease expire comes back as another attempt', async () => {
    const world = await start()
    await world.createGroup({ invisibleMs: 2_000, retryDelaysMs: [500] })
    const member = await world.join()
    await world.publish(['a'])

    await world.simulation.advance(2_100)
    expect(await world.backlog()).toMatchObject({ inFlight: 0, delayed: 1, backlog: 1 })
    await world.simulation.advance(600)

    expect(member.received[1]).toMatchObject({ body: 'a', attempt: 2, retry: true })
    expect(member.received[1]?.origin?.reason).toContain('expired')
  })

  // The member believes it done, and its effects are; it has to know that it may come again.
  test('that comes after its lease has expired is not acknowledged', async () => {
    const world = await start()
    await world.createGroup({ invisibleMs: 2_000 })
    const member = await world.join()
    await world.publish(['a'])
    await world.simulation.advance(2_100)

    const failures = await member.settle(member.received[0], ACKNOWLEDGE)

    expect(failures).toMatchObject([{ error: errorTable.LEASE_LOST.id }])
    expect(await world.backlog()).toMatchObject({ delayed: 1, backlog: 1 })
  })

  // A whole window may expire or fail together: it stays one entry, and is settled message by message.
  test('of several messages comes back as a whole, and each is settled on its own', async () => {
    const world = await start()
    const member = await world.join()
    await world.publish(['a', 'b', 'c', 'd'])
    const [range] = member.ranges()
    const whole = { ...(range as LeasedRange), to: 4 }
    const retry = { ...RETRY, delayMs: 0 }
    await world.run(member.handle.settle([{ range: whole, action: retry }]))
    await world.simulation.advance(100)
    expect(member.bodies.slice(4)).toEqual(['a', 'b', 'c', 'd'])

    expect(await member.settle(member.received[7], ACKNOWLEDGE)).toEqual([])
    expect(await member.settle(member.received[5], retry)).toEqual([])
    expect(await member.settle(member.received[4], ACKNOWLEDGE)).toEqual([])
    await world.simulation.advance(100)

    expect(member.received.slice(8)).toMatchObject([{ body: 'b', attempt: 3 }])
    expect(await world.backlog()).toEqual({ ready: 0, inFlight: 2, delayed: 0, backlog: 2 })
    await world.restart('kill')
    const later = await world.join({ sessionId: 'later' })
    await world.simulation.advance(1_000)
    expect(later.bodies.toSorted()).toEqual(['b', 'c'])
  })

  // A batch names the place of its first message only: consumers count from there.
  test('of several messages says where each of them was sent to first', async () => {
    const world = await start()
    const member = await world.join({ topics: [topic('red')] })
    const tags = ['red', 'red', 'red', 'blue', 'red', 'red']
    await world.publish(['0', '1', '2', 'x', '4', '5'], { tags })
    await world.publish(['6', '7'], { tags: ['red', 'red'] })
    await member.settle(member.received[1], ACKNOWLEDGE)
    const [range] = member.ranges()
    const retry = { ...RETRY, delayMs: 0 }
    const all = { ...(range as LeasedRange), to: 8 }
    await world.run(member.handle.settle([{ range: all, action: retry }]))
    await world.simulation.advance(100)
    expect(placesOf(member.received.slice(7))).toEqual(['0', '2', '4', '5', '6', '7'])

    const again = member.ranges().slice(-4, -2)
    await world.run(member.handle.settle(again.map((each) => ({ range: each, action: REJECT }))))
    await world.run(world.engine.deadLetters.redrive(GROUP, 10))
    await world.simulation.advance(100)

    expect(placesOf(member.received.slice(13))).toEqual(['4', '5'])
  })

  test('is put off as long as the member extends its lease', async () => {
    const world = await start()
    await world.createGroup({ invisibleMs: 2_000 })
    const member = await world.join()
    await world.publish(['a'])
    for (let i = 0; i < 5; i++) {
      await world.simulation.advance(1_500)
      await member.settle(member.received[0], { kind: 'extend', delayMs: 2_000 })
    }

    expect(await member.acknowledgeAll()).toEqual([])

    await world.simulation.advance(10_000)
    expect(member.received.length).toBe(1)
  })

  test('that was none, a release, comes back at once and counts for nothing', async () => {
    const world = await start()
    const member = await world.join()
    await world.publish(['a', 'b'])

    await member.settle(member.received[1], { kind: 'release' })
    await world.simulation.advance(10)

    expect(member.received[2]).toMatchObject({ body: 'b', attempt: 1, retry: false })
  })

  // A clock that is set back an hour must not keep retries waiting for an hour.
  test('comes back in time although the wall clock is set back', async () => {
    const world = await start()
    const member = await world.join()
    await world.publish(['a', 'b'])
    await member.settle(member.received[0], { ...RETRY, delayMs: 2_000 })
    world.simulation.machine('a').jumpClock(-3_600_000)
    await member.settle(member.received[1], { ...RETRY, delayMs: 2_000 })
    await world.restart('kill')

    const later = await world.join()
    await world.simulation.advance(3_000)

    expect(later.bodies.toSorted()).toEqual(['a', 'b'])
  })

  // More pending retries than are kept in memory.
  test('is not forgotten beyond what is kept in memory', async () => {
    const world = await start({ delivery: { retryWindow: 8 } })
    const member = await world.join()
    const bodies = Array.from({ length: 60 }, (_, i) => `m${i}`)
    for (const body of bodies) await world.publish([body])
    for (const [index, message] of member.received.entries()) {
      await member.settle(message, { ...RETRY, delayMs: 1_000 + ((index * 37) % 60) * 50 })
    }
    expect(await world.backlog()).toEqual({ ready: 0, inFlight: 0, delayed: 60, backlog: 60 })

    await world.simulation.advance(10_000)

    expect(member.bodies.slice(60).toSorted()).toEqual(bodies.toSorted())
    expect(await world.backlog()).toEqual({ ready: 0, inFlight: 60, delayed: 0, backlog: 60 })
    await member.acknowledgeAll()
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })
})

describe('a lost member', () => {
  test('that comes back in time keeps what it holds', async () => {
    const world = await start()
    const member = await world.join()
    await world.publish(['a', 'b'])
    member.handle.lose()
    await world.simulation.advance(1_000)

    const again = await world.join({ held: member.ranges() })
    await world.simulation.advance(5_000)

    expect(again.handle.lost).toEqual([])
    expect(again.bodies).toEqual([])
    expect(await again.settle(member.received[0], ACKNOWLEDGE)).toEqual([])
    expect(await again.settle(member.received[1], ACKNOWLEDGE)).toEqual([])
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })

  // Those were in the broken connection: nobody has seen them.
  test('gets at once again what did not reach it', async () => {
    const world = await start()
    const member = await world.join()
    await world.publish(['a', 'b'])
    member.handle.lose()
    const [first] = member.ranges()

    const again = await world.join({ held: [{ ...(first as LeasedRange), to: 1 }] })
    await world.simulation.advance(10)

    expect(again.received).toMatchObject([{ body: 'b', attempt: 1 }])
  })

  test('loses what it holds to the others after a grace', async () => {
    const world = await start()
    const lost = await world.join({ sessionId: 'lost' })
    await world.publish(['a', 'b'])
    const other = await world.join({ sessionId: 'other' })
    lost.handle.lose()
    await world.simulation.advance(1_900)
    expect(other.bodies).toEqual([])
    await world.simulation.advance(200)

    expect(other.received).toMatchObject([
      { body: 'a', attempt: 2, retry: false },
      { body: 'b', attempt: 2, retry: false },
    ])
    const again = await world.join({ sessionId: 'lost', held: lost.ranges() })
    expect(again.handle.lost).toEqual(lost.ranges())
  })

  test('that left properly is not waited for', async () => {
    const world = await start()
    const leaving = await world.join({ sessionId: 'leaving' })
    await world.publish(['a', 'b'])
    const other = await world.join({ sessionId: 'other' })
    leaving.handle.leave()
    await leaving.settle(leaving.received[0], ACKNOWLEDGE)
    leaving.handle.end()
    await world.simulation.advance(10)

    expect(other.received).toMatchObject([{ body: 'b', attempt: 2 }])
  })

  // A message that kills its consumer each time.
  test('lost again and again over the same message sends it to the dead letters', async () => {
    const world = await start()
    const seen: number[] = []
    await world.createGroup({ maxAttempts: 3, start: 'earliest' })
    await world.publish(['kill'])
    for (let i = 1; i <= 3; i++) {
      const member = await world.join({ sessionId: `s${i}` })
      await world.simulation.advance(10)
      seen.push(member.received[0]?.attempt ?? 0)
      member.handle.lose()
      await world.simulation.advance(2_100)
    }

    expect(seen).toEqual([1, 2, 3])
    expect(world.engine.deadLetters.count(GROUP)).toBe(1)
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })

  test('that opens again on another connection makes the old one useless', async () => {
    const world = await start()
    const old = await world.join()
    await world.publish(['a'])

    const again = await world.join({ held: old.ranges() })

    expect(old.endedBy).toBe('CANCELLED')
    await expect(old.handle.settle([])).rejects.toThrow(expect.objectContaining({ code: 'CLOSED' }))
    old.handle.lose()
    await world.simulation.advance(5_000)
    expect(await again.settle(old.received[0], ACKNOWLEDGE)).toEqual([])
  })
})

describe('a restart', () => {
  // "An acknowledged message is not redelivered after a power cut."
  test.each(['clean', 'kill', 'power'] as const)(
    '(%s) delivers what was not acknowledged, and nothing else',
    async (how) => {
      const world = await start()
      const member = await world.join()
      await world.publish(['a', 'b', 'c', 'd', 'e'])
      await member.settle(member.received[0], ACKNOWLEDGE)
      await member.settle(member.received[2], ACKNOWLEDGE)
      await member.settle(member.received[3], { ...RETRY, delayMs: 1_000 })
      await world.restart(how)

      const later = await world.join({ sessionId: 'later' })
      await world.simulation.advance(3_000)

      expect(later.bodies.toSorted()).toEqual(['b', 'd', 'e'])
      expect(later.received.find(({ body }) => body === 'd')?.attempt).toBe(2)
    },
  )

  test('leaves members what they hold when they come back', async () => {
    const world = await start()
    const member = await world.join({ sessionId: 'one' })
    await world.publish(['a', 'b'])
    await world.restart('kill')

    const other = await world.join({ sessionId: 'two' })
    const again = await world.join({ sessionId: 'one', held: member.ranges() })
    await world.simulation.advance(2_000)

    expect(again.handle.lost).toEqual([])
    expect([...other.bodies, ...again.bodies]).toEqual([])
    expect(await again.settle(member.received[1], ACKNOWLEDGE)).toEqual([])
  })

  // Whoever comes back waits for its messages; what nobody can have seen has no reason to wait.
  test('delivers at once what is appended after it, and the rest after the hold', async () => {
    const world = await start()
    const member = await world.join({ sessionId: 'one' })
    await world.publish(['a', 'b'])
    await member.settle(member.received[0], { ...RETRY, delayMs: 0 })
    await world.restart('kill')

    const before = await world.join({ sessionId: 'two' })
    await world.publish(['c'])
    await world.publish(['d'])
    await world.simulation.advance(100)
    expect(before.bodies).toEqual(['c', 'd'])
    const back = await world.join({ sessionId: 'one', held: member.ranges().slice(1, 2) })
    await world.simulation.advance(500)

    expect(back.handle.lost).toEqual([])
    expect([...before.bodies, ...back.bodies].toSorted()).toEqual(['a', 'c', 'd'])
    await before.acknowledgeAll()
    await back.acknowledgeAll()
    await back.settle(member.received[1], ACKNOWLEDGE)
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })

  test('lets nobody keep what it cannot have had', async () => {
    const world = await start()
    await world.join({ sessionId: 'one' })
    await world.publish(['a'])
    await world.restart('kill')

    const first = await world.join({ sessionId: 'two' })
    await world.publish(['b'])
    const range = { topic: TOPIC, queueId: 0, retry: false, from: 0, to: 2 }
    const liar = await world.join({ sessionId: 'one', held: [range] })

    expect(first.bodies).toEqual(['b'])
    expect(liar.handle.lost).toEqual([{ ...range, from: 1 }])
  })

  test('leaves members the retries they hold as well', async () => {
    const world = await start()
    const member = await world.join()
    await world.publish(['a'])
    await member.settle(member.received[0], { ...RETRY, delayMs: 0 })
    await world.simulation.advance(100)
    expect(member.received.length).toBe(2)
    await world.restart('kill')

    const again = await world.join({ held: member.ranges().filter(({ retry }) => retry) })
    await world.simulation.advance(2_000)

    expect(again.handle.lost).toEqual([])
    expect(again.bodies).toEqual([])
    expect(await again.settle(member.received[1], ACKNOWLEDGE)).toEqual([])
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })

  // Between the append of the retry and the answer: the original and the retry must not both be
  // there, and not neither.
  test('in the middle of a nack has the message exactly once', async () => {
    for (let seed = 1; seed <= 25; seed++) {
      const world = await start({ seed })
      const member = await world.join()
      await world.publish(['a'])
      void member.settleNow(member.received[0], { ...RETRY, delayMs: 0 }).catch(() => {})
      await world.simulation.advance((seed % 9) * 0.3)
      await world.restart('power')

      const later = await world.join({ sessionId: 'later' })
      await world.simulation.advance(5_000)

      expect(later.bodies, `seed ${seed}`).toEqual(['a'])
      await later.acknowledgeAll()
      expect(await world.backlog()).toMatchObject({ backlog: 0 })
      await world.stop()
    }
  })

  // Attempts that a restart forgets let a poison message go round for ever.
  test('remembers the attempts of lost members', async () => {
    const world = await start()
    const member = await world.join()
    await world.publish(['a'])
    member.handle.lose()
    await world.simulation.advance(5_000)
    await world.restart('kill')

    const later = await world.join({ sessionId: 'later' })
    await world.simulation.advance(1_000)

    expect(later.received).toMatchObject([{ body: 'a', attempt: 2 }])
  })
})

describe('a full disk', () => {
  // An acknowledgement is done in memory before it is stored. Told that it failed, the member would
  // repeat it and hear that it has lost the message.
  test('makes acknowledgements wait for their answer, and other settlements fail', async () => {
    const { world, fill, empty } = await startWithDisk()
    const member = await world.join()
    await world.publish(['a', 'b', 'c'])
    await fill()

    const acknowledged = answerOf(member.settleNow(member.received[0], ACKNOWLEDGE))
    expect(await member.settle(member.received[1], RETRY)).toMatchObject([
      { error: errorTable.DISK_FULL.id },
    ])
    await world.simulation.advance(30_000)
    expect(acknowledged.now).toBeUndefined()
    expect(await world.backlog()).toMatchObject({ inFlight: 2, backlog: 2 })
    await empty()

    expect(acknowledged.now).toEqual([])
    expect(await member.settle(member.received[1], { ...RETRY, delayMs: 500 })).toEqual([])
    await world.restart('power')
    const later = await world.join({ sessionId: 'later' })
    await world.simulation.advance(3_000)
    expect(later.bodies.toSorted()).toEqual(['b', 'c'])
  })

  test('delivers again what was acknowledged and not answered before a power cut', async () => {
    const { world, fill, empty } = await startWithDisk()
    const member = await world.join()
    await world.publish(['a', 'b'])
    await fill()
    const acknowledged = answerOf(member.settleNow(member.received[0], ACKNOWLEDGE))
    await world.simulation.advance(1_000)
    await empty({ hasPassed: false })
    await world.restart('power')

    const later = await world.join({ sessionId: 'later' })
    await world.simulation.advance(3_000)

    expect(acknowledged.now).toBeUndefined()
    expect(later.bodies).toEqual(['a', 'b'])
  })

  // A member has one request under way: while that waits, it can extend nothing.
  test('leaves a member what it works on while it waits for an answer', async () => {
    const { world, fill, empty } = await startWithDisk()
    await world.createGroup({ invisibleMs: 2_000 })
    const member = await world.join({ sessionId: 'one' })
    await world.publish(['a', 'b'])
    const other = await world.join({ sessionId: 'two' })
    await fill()
    const acknowledged = answerOf(member.settleNow(member.received[0], ACKNOWLEDGE))
    await world.simulation.advance(20_000)
    await empty()

    expect(acknowledged.now).toEqual([])
    expect(await member.settle(member.received[1], ACKNOWLEDGE)).toEqual([])
    expect([other.bodies, member.bodies]).toEqual([[], ['a', 'b']])
  })

  // The receipt of a message that is done in memory only must not read as settled.
  test('lets an acknowledgement by receipt fail until it is stored, and then not', async () => {
    const { world, fill, empty } = await startWithDisk()
    const member = await world.join()
    await world.publish(['a'])
    const place = { topic: TOPIC, retry: false, queueId: 0, offset: 0, attempt: 1 }
    await member.settle(member.received[0], { kind: 'release' })
    member.handle.end()
    const settle = (): Promise<string> =>
      world.run(
        world.engine.settleReceipt(GROUP, { ...place, generation: 'x' }, { kind: 'acknowledge' }),
      )
    await fill()

    await expect(settle()).rejects.toMatchObject({ code: 'DISK_FULL' })
    await expect(settle()).rejects.toMatchObject({ code: 'DISK_FULL' })
    await empty()

    expect(await settle()).toBe('settled')
    await world.restart('power')
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })
})

describe('dead letters', () => {
  // Sent to their topic, they would come again to every group that reads it.
  test('go back to their group and to no other, oldest first, with no attempt behind them', async () => {
    const world = await start()
    await world.createGroup({ maxAttempts: 1 })
    const member = await world.join()
    const other = await world.join({ group: 'audit' })
    await world.publish(['a', 'b', 'c'])
    await other.acknowledgeAll()
    await member.settleAll(RETRY)
    expect(world.engine.deadLetters.count(GROUP)).toBe(3)

    const moved = await world.run(world.engine.deadLetters.redrive(GROUP, 2))
    await world.simulation.advance(10)

    expect(moved).toBe(2)
    expect(world.engine.deadLetters.count(GROUP)).toBe(1)
    const again = member.received.slice(3)
    expect(again).toMatchObject([
      { body: 'a', attempt: 1, retry: true, topic: TOPIC, id: member.received[0]?.id },
      { body: 'b', attempt: 1, retry: true, topic: TOPIC, id: member.received[1]?.id },
    ])
    expect(again.map(({ origin }) => origin)).toMatchObject([
      { topic: TOPIC, queueId: 0, queueOffset: 0, attempts: 0 },
      { topic: TOPIC, queueId: 0, queueOffset: 1, attempts: 0 },
    ])
    expect(other.received.length).toBe(3)
    expect(world.bounds().maxOffset).toBe(3)
    expect(await member.settle(again[0], ACKNOWLEDGE)).toEqual([])
    expect(await world.backlog()).toMatchObject({ inFlight: 1, backlog: 1 })
  })

  // A message in both places would be handled twice, one in neither is lost.
  test('are either still in the list or with their group after a power cut', async () => {
    for (let seed = 1; seed <= 25; seed++) {
      const world = await start({ seed })
      const member = await world.join()
      await world.publish(['a', 'b', 'c'])
      await member.settleAll(REJECT)
      void world.engine.deadLetters.redrive(GROUP, 2).catch(() => {})
      await world.simulation.advance((seed % 9) * 0.3)
      await world.restart('power')

      const later = await world.join({ sessionId: 'later' })
      await world.simulation.advance(1_000)

      const left = world.engine.deadLetters.count(GROUP)
      expect([left, later.bodies], `seed ${seed}`).toEqual(left === 1 ? [1, ['a', 'b']] : [3, []])
      await world.stop()
    }
  })

  test('wait for a member if their group has none, and for no producer', async () => {
    const world = await start()
    const member = await world.join()
    await world.publish(['a', 'b'])
    await member.settleAll(REJECT)
    member.handle.end()
    await world.restart('clean')
    await world.defineTopic(TOPIC, 1, { writable: false })

    expect(await world.run(world.engine.deadLetters.redrive(GROUP, 10))).toBe(2)

    expect(await world.backlog()).toMatchObject({ inFlight: 0, backlog: 2 })
    const later = await world.join({ sessionId: 'later' })
    await world.simulation.advance(1_000)
    expect(later.bodies).toEqual(['a', 'b'])
  })

  // Nobody could get them: they would wait for ever, and in no list.
  test('stay where they are when their topic is gone', async () => {
    const world = await start()
    const member = await world.join()
    await world.publish(['a'])
    await member.settleAll(REJECT)
    await world.deleteTopic(TOPIC)

    const redriven = world.run(world.engine.deadLetters.redrive(GROUP, 10))

    await expect(redriven).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    expect(world.engine.deadLetters.count(GROUP)).toBe(1)
  })

  test('can be cleared', async () => {
    const world = await start()
    const member = await world.join()
    await world.publish(['a', 'b'])
    await member.settleAll(REJECT)

    expect(await world.run(world.engine.deadLetters.purge(GROUP))).toBe(2)

    expect(world.engine.deadLetters.count(GROUP)).toBe(0)
    expect(await world.run(world.engine.deadLetters.redrive(GROUP, 10))).toBe(0)
  })
})

describe('retention', () => {
  // The group would wait for ever for messages that are gone.
  test('takes messages that the group has not done: they count as done', async () => {
    const world = await start({ store: { segmentMaxBytes: 8_192 } })
    await world.createGroup({ start: 'earliest' })
    const first = await world.join({ creditBytes: 1 })
    first.handle.lose()
    await world.simulation.advance(3_000)
    for (let i = 0; i < 60; i++) await world.publish([`${i}`.padEnd(500, '.')])
    await world.restart('clean', { retention: { ...NO_RETENTION, maxBytes: 16_384 } })
    await world.simulation.advance(30_000)
    const { minOffset } = world.bounds()
    expect(minOffset).toBeGreaterThan(0)

    const member = await world.join({ sessionId: 'later' })
    await world.simulation.advance(1_000)

    expect(member.received[0]?.offset).toBe(minOffset)
    await member.acknowledgeAll()
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })

  test('does not take messages that wait for redelivery', async () => {
    const world = await start({
      store: {
        segmentMaxBytes: 8_192,
        retention: { ...NO_RETENTION, maxBytes: 16_384, checkIntervalMs: 1_000 },
      },
    })
    world.store.beforeDelete((range) => world.engine.carryForward(range))
    const member = await world.join()
    await world.publish(['owed', 'leased'])
    await member.settle(member.received[0], { ...RETRY, delayMs: 100_000 })
    await member.settle(member.received[1], { ...RETRY, delayMs: 0 })
    await world.simulation.advance(100)
    const leased = member.received[2]
    expect(leased).toMatchObject({ body: 'leased', retry: true })
    for (let i = 0; i < 80; i++) {
      await world.publish([`${i}`.padEnd(500, '.')])
      await member.settle(member.received.at(-1), ACKNOWLEDGE)
    }
    await world.simulation.advance(20_000)
    expect(world.bounds().minOffset).toBeGreaterThan(2)

    expect(await member.settle(leased, { ...RETRY, delayMs: 0 })).toEqual([])
    await world.simulation.advance(1_000)
    expect(await member.acknowledgeAll()).toEqual([])
    await world.simulation.advance(100_000)

    const bodies = member.received.slice(83).map(({ body }) => body)
    expect(bodies.toSorted()).toEqual(['leased', 'owed'])
    await member.acknowledgeAll()
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })
})

/** The offset of each message in its first queue, checked against its body, which is the same. */
function placesOf(messages: readonly Received[]): string[] {
  return messages
    .map(({ origin, index, body }) => {
      expect(`${(origin?.queueOffset ?? 0) + index}`).toBe(body)
      return body
    })
    .toSorted()
}

/** A world whose disk can be filled, and emptied again. */
async function startWithDisk(): Promise<{
  readonly world: World
  readonly fill: () => Promise<void>
  /** Waits until that is noticed, unless told not to. */
  readonly empty: (options?: { readonly hasPassed: boolean }) => Promise<void>
}> {
  const simulation = new Simulation(1)
  const world = await World.start(simulation, {})
  onTestFinished(() => world.stop())
  const { disk } = simulation.machine('a')
  return {
    world,
    fill: async () => {
      disk.setCapacity(1024)
      await simulation.advance(2_000)
    },
    empty: async ({ hasPassed } = { hasPassed: true }) => {
      disk.setCapacity(2 ** 40)
      if (hasPassed) await simulation.advance(2_000)
    },
  }
}

/** What a promise has resolved to by now. */
function answerOf<T>(promise: Promise<T>): { readonly now: T | undefined } {
  const answer: { now: T | undefined } = { now: undefined }
  promise.then(
    (value) => (answer.now = value),
    () => {},
  )
  return answer
}

async function start(options: WorldOptions & { readonly seed?: number } = {}): Promise<World> {
  const world = await World.start(new Simulation(options.seed ?? 1), options)
  onTestFinished(() => world.stop())
  return world
}
