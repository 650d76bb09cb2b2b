import assert from 'node:assert/strict'
import {
  type CometError,
  type Delivery,
  deadLetterTopicOf,
  type ErrorCode,
  encodeBatch,
  errorTable,
  type LeasedRange,
  type Origin,
  RecordBatch,
  type SettlementAction,
  type SettlementFailure,
} from '@cometmq/protocol'
import { Simulation } from '@cometmq/simulation'
import { deleteQueuesOf, MessageStore, type StoreConfig, storeConfig } from '@cometmq/store'
import { afterEach, describe, expect, test } from 'vitest'
import { type GroupWish, plainGroup } from '../group-definition.ts'
import { newTopic } from '../topic-definition.ts'
import { deleteTopic, putTopic, TopicRegistry } from '../topic-registry.ts'
import { DeliveryEngine } from './delivery.ts'
import type { OpenMember } from './joining.ts'
import type { Member } from './member.ts'
import type { DeliveryConfig } from './ports.ts'
import type { ResetOutcome, ResetWish } from './reset.ts'
import type { MemberSink } from './sessions.ts'

const GROUP = 'billing'
const TOPIC = 'orders'

describe('a group', () => {
  // The first thing everybody does.
  test('delivers what is published while it reads, and is done when it is acknowledged', async () => {
    const world = await World.start()
    const member = await world.join()

    await world.publish(['a', 'b', 'c'])

    expect(member.bodies).toEqual(['a', 'b', 'c'])
    expect(await world.backlog()).toMatchObject({ ready: 0, inFlight: 3, delayed: 0 })
    expect(await member.acknowledgeAll()).toEqual([])
    expect(await world.backlog()).toEqual({ ready: 0, inFlight: 0, delayed: 0, backlog: 0 })
  })

  // Latency is one flush and two hops only if nothing polls.
  test('delivers in the moment in which a message is confirmed', async () => {
    const world = await World.start()
    const member = await world.join()
    await world.simulation.advance(10_000)

    await world.publish(['now'])

    expect(member.received[0]?.atMs).toBe(world.publishedAtMs)
  })

  // Otherwise members that come together get every message twice.
  test('gives each message to one member', async () => {
    const world = await World.start({ queueCount: 4 })
    const members = [await world.join({ sessionId: 'one' }), await world.join({ sessionId: 'two' })]

    for (let i = 0; i < 40; i++) await world.publish([`m${i}`], { queueId: i % 4 })

    const bodies = members.flatMap((member) => member.bodies).toSorted()
    expect(bodies).toEqual(Array.from({ length: 40 }, (_, i) => `m${i}`).toSorted())
    for (const member of members) expect(member.received.length).toBeGreaterThan(0)
  })

  // A consumer that comes late must not wait behind one that is busy.
  test('gives to an idle member what a busy one would have to queue', async () => {
    const world = await World.start()
    const busy = await world.join({ sessionId: 'busy' })
    await world.publish(['first'])
    const idle = await world.join({ sessionId: 'idle' })

    await world.publish(['second'])

    expect(busy.bodies).toEqual(['first'])
    expect(idle.bodies).toEqual(['second'])
  })

  test.each([
    ['latest', { start: 'latest' }, []],
    ['earliest', { start: 'earliest' }, ['old', 'older']],
  ])('starts at the %s messages when told so', async (_, wish, expected) => {
    const world = await World.start()
    await world.publish(['old', 'older'])
    await world.createGroup(wish)

    const member = await world.join()
    await world.simulation.advance(100)

    expect(member.bodies).toEqual(expected)
  })

  test('starts at a moment when told so', async () => {
    const world = await World.start()
    await world.publish(['before'])
    await world.simulation.advance(5_000)
    const startTimestampMs = world.nowMs
    await world.publish(['after'])
    await world.createGroup({ start: 'timestamp', startTimestampMs })

    const member = await world.join()
    await world.simulation.advance(100)

    expect(member.bodies).toEqual(['after'])
  })

  // Messages sent while the only consumer was away would be skipped.
  test('keeps its start in a topic when its members come later', async () => {
    const world = await World.start()
    await world.publish(['old'])
    const first = await world.join()
    first.handle.leave()
    first.handle.end()
    await world.publish(['while away'])

    const member = await world.join({ sessionId: 'later' })
    await world.simulation.advance(100)

    expect(member.bodies).toEqual(['while away'])
  })

  test('reads a queue that is added later from its start', async () => {
    const world = await World.start({ queueCount: 1 })
    const member = await world.join()
    await world.defineTopic(TOPIC, 2)

    await world.publish(['in the new queue'], { queueId: 1 })

    expect(member.bodies).toEqual(['in the new queue'])
  })

  test('grants nothing while it is paused, and goes on when resumed', async () => {
    const world = await World.start()
    const member = await world.join()
    await world.run(world.engine.pause(GROUP))
    await world.publish(['a'])
    await world.simulation.advance(1_000)
    expect(member.bodies).toEqual([])

    await world.run(world.engine.resume(GROUP))
    await world.simulation.advance(10)

    expect(member.bodies).toEqual(['a'])
  })

  test('cannot be deleted while it has members, unless forced', async () => {
    const world = await World.start()
    const member = await world.join()
    await expect(world.run(world.engine.deleteGroup(GROUP, { force: false }))).rejects.toThrow(
      expect.objectContaining({ code: 'GROUP_ACTIVE' }),
    )

    await world.run(world.engine.deleteGroup(GROUP, { force: true }))

    expect(member.endedBy).toBe('GROUP_NOT_FOUND')
    await expect(world.run(world.engine.describeGroup(GROUP))).rejects.toThrow(
      expect.objectContaining({ code: 'GROUP_NOT_FOUND' }),
    )
  })

  // Positions of the old group would skip messages of the new one.
  test('begins anew under the name of a deleted one', async () => {
    const world = await World.start()
    const before = await world.join()
    await world.publish(['a', 'b'])
    await before.acknowledgeAll()
    await world.run(world.engine.deleteGroup(GROUP, { force: true }))
    await world.createGroup({ start: 'earliest' })

    const member = await world.join()
    await world.simulation.advance(100)

    expect(member.bodies).toEqual(['a', 'b'])
  })
})

describe('credit', () => {
  // The bound on what a consumer that does not read costs us.
  test('is all that a member is sent', async () => {
    const world = await World.start()
    const member = await world.join({ creditBytes: 1_000 })
    for (let i = 0; i < 20; i++) await world.publish(['x'.repeat(100)])

    expect(member.bytes).toBeGreaterThan(0)
    expect(member.bytes).toBeLessThanOrEqual(1_000)
    const { received } = member
    const count = received.length
    member.handle.addCredit(1_000)
    await world.simulation.advance(10)

    expect(received.length).toBeGreaterThan(count)
    expect(member.bytes).toBeLessThanOrEqual(2_000)
  })

  // Otherwise a large message blocks its queue for ever.
  test('lets a larger batch pass when the member holds nothing', async () => {
    const world = await World.start()
    const member = await world.join({ creditBytes: 1_000 })

    await world.publish(['small'])
    await world.publish(['x'.repeat(10_000)])

    expect(member.bodies).toEqual(['small'])
    await member.acknowledgeAll()
    await world.simulation.advance(10)
    expect(member.received.length).toBe(2)
  })

  // Its connection is full: what is sent now only fills our memory.
  test('is not used while the sink does not take more', async () => {
    const world = await World.start()
    const member = await world.join({}, { takesAtOnce: 1 })
    await world.publish(['a'])
    await world.publish(['b'])
    expect(member.bodies).toEqual(['a'])

    member.open()
    await world.simulation.advance(1)

    expect(member.bodies).toEqual(['a', 'b'])
  })
})

describe('a failed delivery', () => {
  test('comes back after its delay, with its attempt, reason and identity', async () => {
    const world = await World.start()
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
    const world = await World.start()
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
    const world = await World.start()
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
    const world = await World.start()
    const member = await world.join()
    await world.publish(['broken', 'fine'])

    await member.settle(member.received[0], { kind: 'reject', reason: 'not JSON' })

    expect(world.engine.deadLetters.count(GROUP)).toBe(1)
    expect(await world.backlog()).toMatchObject({ inFlight: 1, backlog: 1 })
  })

  test('of a member that lets its lease expire comes back as another attempt', async () => {
    const world = await World.start()
    await world.createGroup({ invisibleMs: 2_000, retryDelaysMs: [500] })
    const member = await world.join()
    await world.publish(['a'])

    await world.simulation.advance(2_100)
    expect(await world.backlog()).toMatchObject({ inFlight: 0, delayed: 1, backlog: 1 })
    await world.simulation.advance(600)

    expect(member.received[1]).toMatchObject({ body: 'a', attempt: 2, retry: true })
    expect(member.received[1]?.origin?.reason).toContain('expired')
  })

  test('is put off as long as the member extends its lease', async () => {
    const world = await World.start()
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
    const world = await World.start()
    const member = await world.join()
    await world.publish(['a', 'b'])

    await member.settle(member.received[1], { kind: 'release' })
    await world.simulation.advance(10)

    expect(member.received[2]).toMatchObject({ body: 'b', attempt: 1, retry: false })
  })

  // A clock that is set back an hour must not keep retries waiting for an hour.
  test('comes back in time although the wall clock is set back', async () => {
    const world = await World.start()
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
    const world = await World.start({ delivery: { retryWindow: 8 } })
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
    const world = await World.start()
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
    const world = await World.start()
    const member = await world.join()
    await world.publish(['a', 'b'])
    member.handle.lose()
    const [first] = member.ranges()

    const again = await world.join({ held: [{ ...(first as LeasedRange), to: 1 }] })
    await world.simulation.advance(10)

    expect(again.received).toMatchObject([{ body: 'b', attempt: 1 }])
  })

  test('loses what it holds to the others after a grace', async () => {
    const world = await World.start()
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
    const world = await World.start()
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
    const world = await World.start()
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
    const world = await World.start()
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
      const world = await World.start()
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
    const world = await World.start()
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

  test('leaves members the retries they hold as well', async () => {
    const world = await World.start()
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
      const world = await World.start({ seed })
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
    const world = await World.start()
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

describe('a member that lies', () => {
  test.each([
    ['a range it never had', { from: 1, to: 2 }, 'LEASE_LOST'],
    ['all there is', { from: 0, to: 3 }, 'LEASE_LOST'],
    ['more than there is', { from: 0, to: 2 ** 50 }, 'OFFSET_OUT_OF_RANGE'],
    ['a negative range', { from: -5, to: 1 }, 'ILLEGAL_ARGUMENT'],
    ['an empty range', { from: 2, to: 2 }, 'ILLEGAL_ARGUMENT'],
    ['a range that is none', { from: Number.NaN, to: 1 }, 'ILLEGAL_ARGUMENT'],
    ['another topic', { topic: 'other' }, 'TOPIC_NOT_FOUND'],
    ['another queue', { queueId: 77 }, 'QUEUE_NOT_FOUND'],
    ['a retry that it never had', { retry: true }, 'LEASE_LOST'],
    ['a huge range of retries', { retry: true, to: 2 ** 50 }, 'LEASE_LOST'],
  ])('about %s fails, and harms nobody', async (_, change, code) => {
    for (const kind of ['acknowledge', 'retry', 'reject', 'extend', 'release'] as const) {
      const world = await World.start()
      const honest = await world.join({ sessionId: 'honest' })
      await world.publish(['a', 'b', 'c'])
      const liar = await world.join({ sessionId: 'liar' })
      const range = { topic: TOPIC, queueId: 0, retry: false, from: 0, to: 1, ...change }

      const failures = await world.run(
        liar.handle.settle([{ range, action: { kind, delayMs: 1_000, reason: 'x' } }]),
      )

      expect(failures).toMatchObject([{ index: 0, error: idOf(code) }])
      expect(await honest.acknowledgeAll()).toEqual([])
      expect(await world.backlog()).toMatchObject({ backlog: 0 })
      expect(world.engine.deadLetters.count(GROUP)).toBe(0)
      await world.stop()
    }
  })

  test('about what it holds gets a bounded part of what nobody has', async () => {
    const world = await World.start()
    const honest = await world.join({ sessionId: 'honest' })
    await world.publish(['a', 'b'])
    const range = { topic: TOPIC, queueId: 0, retry: false, from: 0, to: 2 }

    const liar = await world.join({ sessionId: 'liar', held: [range, { ...range, to: 2 ** 50 }] })

    expect(liar.handle.lost.length).toBeGreaterThanOrEqual(2)
    expect(await honest.acknowledgeAll()).toEqual([])
  })

  test.each([
    ['no topic', { topics: [] }, 'ILLEGAL_ARGUMENT'],
    ['a topic twice', { topics: [topic(''), topic('')] }, 'ILLEGAL_ARGUMENT'],
    ['a topic that is missing', { topics: [{ topic: 'nope', filter: '' }] }, 'TOPIC_NOT_FOUND'],
    ['an illegal filter', { topics: [topic('a||*')] }, 'ILLEGAL_FILTER'],
    ['an illegal group', { group: 'a b' }, 'ILLEGAL_NAME'],
    ['no session', { sessionId: '' }, 'ILLEGAL_ARGUMENT'],
    ['a lease for ever', { invisibleMs: 2 ** 50 }, 'ILLEGAL_ARGUMENT'],
  ])('about itself (%s) is not admitted', async (_, change, code) => {
    const world = await World.start()

    await expect(world.join(change)).rejects.toThrow(expect.objectContaining({ code }))
  })
})

describe('a filter', () => {
  test('delivers what matches; the rest is done and never backlog', async () => {
    const world = await World.start()
    const member = await world.join({ topics: [topic('paid||sent')] })

    await world.publish(['1', '2', '3', '4', '5'], {
      tags: ['paid', 'new', undefined, 'sent', 'paid'],
    })

    expect(member.bodies).toEqual(['1', '4', '5'])
    expect(await world.backlog()).toMatchObject({ ready: 0, inFlight: 3, backlog: 3 })
    await member.acknowledgeAll()
    await world.simulation.advance(2_000)
    await world.restart('kill')
    const later = await world.join({ sessionId: 'later', topics: [topic('paid||sent')] })
    await world.simulation.advance(1_000)
    expect(later.bodies).toEqual([])
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })

  // Two members with two filters silently lose messages to each other in RocketMQ.
  test('that differs from that of the other members is refused, by name', async () => {
    const world = await World.start()
    await world.join({ sessionId: 'one', topics: [topic('a')] })

    await expect(world.join({ sessionId: 'two', topics: [topic('b')] })).rejects.toThrow(
      expect.objectContaining({ code: 'SUBSCRIPTION_CONFLICT' }),
    )
    await expect(world.join({ sessionId: 'three', topics: [topic('a')] })).resolves.toBeDefined()
  })

  test('of a member that is alone becomes the one of the group', async () => {
    const world = await World.start()
    const first = await world.join({ sessionId: 'one', topics: [topic('a')] })
    first.handle.leave()
    first.handle.end()

    const member = await world.join({ sessionId: 'two', topics: [topic('b')] })
    await world.publish(['1', '2'], { tags: ['a', 'b'] })

    expect(member.bodies).toEqual(['2'])
    expect(world.engine.groups.subscriptionOf(GROUP).topics[TOPIC]?.filter).toBe('b')
  })
})

describe('a reset', () => {
  test('to the earliest message delivers everything again, and ends the leases', async () => {
    const world = await World.start()
    const member = await world.join()
    await world.publish(['a', 'b'])
    await member.settle(member.received[0], ACKNOWLEDGE)

    const outcome = await world.reset({ to: 'earliest' })
    await world.simulation.advance(10)

    expect(outcome).toEqual([{ topic: TOPIC, queueId: 0, before: 1, after: 0 }])
    expect(member.bodies).toEqual(['a', 'b', 'a', 'b'])
  })

  test('to the latest message skips the backlog, durably', async () => {
    const world = await World.start()
    const member = await world.join({ creditBytes: 1 })
    for (const body of ['a', 'b', 'c']) await world.publish([body])
    member.handle.lose()

    await world.reset({ to: 'latest' })
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
    await world.restart('power')

    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })

  test('to an offset or a moment lands there', async () => {
    const world = await World.start()
    await world.join()
    await world.publish(['a', 'b', 'c'])
    await world.simulation.advance(1_000)
    const timestampMs = world.nowMs
    await world.publish(['d'])

    expect(await world.reset({ to: 'offset', offset: 2, hasQueueId: true })).toMatchObject([
      { after: 2 },
    ])
    expect(await world.reset({ to: 'timestamp', timestampMs })).toMatchObject([{ after: 3 }])
    await expect(world.reset({ to: 'offset', offset: 9, hasQueueId: true })).rejects.toThrow(
      expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE' }),
    )
  })

  test('that is only tried changes nothing', async () => {
    const world = await World.start()
    const member = await world.join()
    await world.publish(['a'])

    const outcome = await world.reset({ to: 'latest', dryRun: true })

    expect(outcome).toMatchObject([{ before: 0, after: 1 }])
    expect(await member.acknowledgeAll()).toEqual([])
  })

  // Whoever acknowledges what was leased before the reset would undo it.
  test('makes acknowledgements of older leases fail', async () => {
    const world = await World.start()
    const member = await world.join({ creditBytes: 300 })
    await world.publish(['a'])
    await world.run(world.engine.pause(GROUP))
    await world.reset({ to: 'earliest' })

    const failures = await member.settle(member.received[0], ACKNOWLEDGE)

    expect(failures).toMatchObject([{ error: idOf('LEASE_LOST') }])
    expect(await world.backlog()).toMatchObject({ ready: 1, backlog: 1 })
  })
})

describe('dead letters', () => {
  test('are sent to their topic again, oldest first, and leave the list in the same step', async () => {
    const world = await World.start()
    const member = await world.join()
    await world.publish(['a', 'b', 'c'])
    await member.settleAll(REJECT)

    const moved = await world.run(world.engine.deadLetters.redrive(GROUP, 2))
    await world.simulation.advance(10)

    expect(moved).toBe(2)
    expect(world.engine.deadLetters.count(GROUP)).toBe(1)
    expect(member.received.slice(3)).toMatchObject([
      { body: 'a', attempt: 1, retry: false, id: member.received[0]?.id },
      { body: 'b', attempt: 1, retry: false },
    ])
    await world.restart('power')
    expect(world.engine.deadLetters.count(GROUP)).toBe(1)
  })

  test('can be cleared', async () => {
    const world = await World.start()
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
    const world = await World.start({ store: { segmentMaxBytes: 8_192 } })
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
    const world = await World.start({
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

describe('a deleted topic', () => {
  // Positions of the old topic would skip the first messages of the new one.
  test('that is made anew is read from its start', async () => {
    const world = await World.start()
    const member = await world.join()
    await world.publish(['a', 'b'])
    await member.settle(member.received[0], { ...RETRY, delayMs: 1_000 })
    await world.deleteTopic(TOPIC)
    await world.defineTopic(TOPIC, 1)
    await world.publish(['new'])
    await world.simulation.advance(10_000)

    expect(member.bodies).toEqual(['a', 'b', 'new'])
    expect(await member.settle(member.received[2], ACKNOWLEDGE)).toEqual([])
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })
})

describe('a drain', () => {
  test('waits until the members have settled what they hold', async () => {
    const world = await World.start()
    const member = await world.join()
    await world.publish(['a'])
    const signal = new AbortController()
    const drained = world.engine.drain(signal.signal)
    await world.publish(['b'])
    expect(member.isDraining).toBe(true)
    expect(member.bodies).toEqual(['a'])
    await member.acknowledgeAll()

    await world.run(drained)

    await expect(world.join({ sessionId: 'late' })).rejects.toThrow(
      expect.objectContaining({ code: 'DRAINING' }),
    )
  })
})

const ACKNOWLEDGE: SettlementAction = { kind: 'acknowledge' }
const RETRY = { kind: 'retry', delayMs: undefined, reason: 'failed' } as const
const REJECT: SettlementAction = { kind: 'reject', reason: 'no' }
const NO_RETENTION = {
  maxAgeMs: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
  minFreeBytes: 0,
  checkIntervalMs: 1_000,
}

function topic(filter: string): { topic: string; filter: string } {
  return { topic: TOPIC, filter }
}

function idOf(code: string): number {
  return errorTable[code as ErrorCode].id
}

interface Received {
  readonly topic: string
  readonly queueId: number
  readonly retry: boolean
  readonly attempt: number
  readonly offset: number
  readonly body: string
  readonly id: string
  readonly origin: Origin | undefined
  readonly atMs: number
}

/** A consumer that keeps what it gets and settles when it is told to. */
class TestMember implements MemberSink {
  readonly received: Received[] = []
  bytes = 0
  isDraining = false
  endedBy: string | undefined
  handle!: Member
  readonly #world: World
  readonly #settled = new Set<Received>()
  #takesLeft: number
  #writable = Promise.withResolvers<void>()

  constructor(world: World, takesAtOnce: number) {
    this.#world = world
    this.#takesLeft = takesAtOnce
  }

  get bodies(): string[] {
    return this.received.map(({ body }) => body)
  }

  deliver(delivery: Delivery): boolean {
    const batches = delivery.batches.map((bytes) => RecordBatch.parse(bytes))
    for (const batch of batches) this.bytes += batch.totalBytes
    for (let i = 0; i < delivery.ranges.length; i += 2) {
      const [from, to] = [delivery.ranges[i] as number, delivery.ranges[i + 1] as number]
      for (let offset = from; offset < to; offset++) {
        // A retry that was carried forward has another place in the log than in its lease.
        const batch =
          batches.length === 1 && delivery.retry
            ? (batches[0] as RecordBatch)
            : (batches.find(
                ({ baseQueueOffset, messageCount }) =>
                  baseQueueOffset <= offset && offset < baseQueueOffset + messageCount,
              ) as RecordBatch)
        const index = delivery.retry
          ? offset - (delivery.ranges[0] as number)
          : offset - batch.baseQueueOffset
        const [message] = batch.messages(index, index + 1)
        if (message === undefined) throw new Error('a delivery lacks a batch')
        this.received.push({
          ...delivery,
          offset,
          body: Buffer.from(message.body).toString().replace(/\.+$/, ''),
          id: batch.messageId(index, message),
          origin: batch.sections.origin,
          atMs: this.#world.simulation.clock.elapsedMs(),
        })
      }
    }
    this.#takesLeft--
    return this.#takesLeft > 0
  }

  writable(): Promise<void> {
    return this.#writable.promise
  }

  /** Takes whatever comes. */
  open(): void {
    this.#takesLeft = Number.POSITIVE_INFINITY
    this.#writable.resolve()
  }

  draining(): void {
    this.isDraining = true
  }

  ended(error: CometError): void {
    this.endedBy = error.code
  }

  settle(message: Received | undefined, action: SettlementAction): Promise<SettlementFailure[]> {
    return this.#world.run(this.settleNow(message, action))
  }

  settleNow(message: Received | undefined, action: SettlementAction): Promise<SettlementFailure[]> {
    if (message === undefined) throw new Error('nothing was received')
    if (action.kind !== 'extend') this.#settled.add(message)
    return this.handle.settle([{ range: rangeOf(message), action }])
  }

  acknowledgeAll(): Promise<SettlementFailure[]> {
    return this.settleAll(ACKNOWLEDGE)
  }

  /** All that it has and has not settled yet. */
  settleAll(action: SettlementAction): Promise<SettlementFailure[]> {
    const open = this.received.filter((message) => !this.#settled.has(message))
    for (const message of open) this.#settled.add(message)
    const settlements = open.map((message) => ({ range: rangeOf(message), action }))
    return this.#world.run(this.handle.settle(settlements))
  }

  /** What it has got, as ranges to hold. */
  ranges(): LeasedRange[] {
    return this.received.map(rangeOf)
  }
}

function rangeOf({ topic, queueId, retry, offset }: Received): LeasedRange {
  return { topic, queueId, retry, from: offset, to: offset + 1 }
}

interface WorldOptions {
  readonly seed?: number
  readonly queueCount?: number
  readonly delivery?: Partial<DeliveryConfig>
  readonly store?: Partial<StoreConfig>
}

const worlds: World[] = []
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop()
})

/** One broker's store and engine on a simulated machine. */
class World {
  readonly simulation: Simulation
  store!: MessageStore
  topics!: TopicRegistry
  engine!: DeliveryEngine
  publishedAtMs = 0
  readonly #options: WorldOptions
  #sequence = new Map<string, number>()
  #messages = 0
  #isUp = false

  private constructor(options: WorldOptions) {
    this.#options = options
    this.simulation = new Simulation(options.seed ?? 1)
  }

  static async start(options: WorldOptions = {}): Promise<World> {
    const world = new World(options)
    worlds.push(world)
    await world.#open({})
    await world.defineTopic(TOPIC, options.queueCount ?? 1)
    return world
  }

  get nowMs(): number {
    return this.simulation.machine('a').runtime().clock.nowMs()
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.simulation.runUntil(promise, { limitMs: 60_000 })
  }

  async restart(how: 'clean' | 'kill' | 'power', store: Partial<StoreConfig> = {}): Promise<void> {
    const machine = this.simulation.machine('a')
    if (how === 'clean') await this.#close()
    if (how === 'power') machine.powerCut()
    else machine.kill()
    await this.#open(store)
  }

  async stop(): Promise<void> {
    if (this.#isUp) await this.#close()
  }

  async defineTopic(name: string, queueCount: number): Promise<void> {
    const wish = { topic: name, type: '', queueCount, flush: '', replicas: '' }
    const definition = newTopic(wish, { queueCount: 1 }, 0)
    const changes = [putTopic(definition)]
    await this.run(this.store.append({ records: [{ kind: 'change', changes }] }))
  }

  async deleteTopic(name: string): Promise<void> {
    const changes = [deleteTopic(name), deleteQueuesOf(name), ...this.engine.forgetTopic(name)]
    await this.run(this.store.append({ records: [{ kind: 'change', changes }] }))
    this.#sequence = new Map()
  }

  /** One batch, and the time in which it is delivered. */
  async publish(
    bodies: readonly string[],
    options: { readonly queueId?: number; readonly tags?: readonly (string | undefined)[] } = {},
  ): Promise<void> {
    const { queueId = 0, tags = [] } = options
    const sequence = this.#sequence.get(`${queueId}`) ?? 0
    this.#sequence.set(`${queueId}`, sequence + 1)
    const bytes = encodeBatch({
      topic: TOPIC,
      queueId,
      producer: {
        producerId: 'aaaabbbbccccdddd',
        producerEpoch: 0,
        sequence,
        baseMessageNumber: this.#messages,
      },
      bornTimeMs: this.nowMs,
      messages: bodies.map((body, index) => ({ body: Buffer.from(body), tag: tags[index] })),
    })
    this.#messages += bodies.length
    const batch = RecordBatch.parse(bytes)
    const unsubscribe = this.store.subscribe({
      appended: () => {
        this.publishedAtMs = this.simulation.clock.elapsedMs()
      },
    })
    await this.run(this.store.append({ records: [{ kind: 'batch', batch, idempotent: false }] }))
    unsubscribe()
    await this.simulation.advance(0)
  }

  createGroup(wish: Partial<GroupWish>): Promise<boolean> {
    const group = { ...plainGroup(GROUP), ...wish }
    return this.run(this.engine.createGroup(group, { ifMissing: false }))
  }

  async join(
    change: Partial<OpenMember> = {},
    options: { readonly takesAtOnce?: number } = {},
  ): Promise<TestMember> {
    const member = new TestMember(this, options.takesAtOnce ?? Number.POSITIVE_INFINITY)
    const open: OpenMember = {
      group: GROUP,
      sessionId: 'session',
      clientId: 'client',
      peer: 'peer:1',
      topics: [topic('')],
      invisibleMs: 0,
      creditBytes: 16 * 1024 * 1024,
      held: [],
      ...change,
    }
    member.handle = await this.run(this.engine.openMember(open, member))
    return member
  }

  reset(change: Partial<ResetWish>): Promise<ResetOutcome[]> {
    const numbers = { timestampMs: 0, offset: 0, queueId: 0, hasQueueId: false }
    const wish = { group: GROUP, topic: '', to: 'earliest', dryRun: false, ...numbers, ...change }
    return this.run(this.engine.resetGroup(wish))
  }

  bounds(): { readonly minOffset: number; readonly maxOffset: number } {
    return this.store.bounds({ topic: TOPIC, queueId: 0 }) ?? { minOffset: 0, maxOffset: 0 }
  }

  /** The sums over all queues, which have to add up in each. */
  async backlog(): Promise<{ ready: number; inFlight: number; delayed: number; backlog: number }> {
    const sum = { ready: 0, inFlight: 0, delayed: 0, backlog: 0 }
    for (const queue of await this.run(this.engine.describeBacklog(GROUP))) {
      assert.equal(queue.ready + queue.inFlight + queue.delayed, queue.backlog)
      sum.ready += queue.ready
      sum.inFlight += queue.inFlight
      sum.delayed += queue.delayed
      sum.backlog += queue.backlog
    }
    return sum
  }

  async #open(changes: Partial<StoreConfig>): Promise<void> {
    const runtime = this.simulation.machine('a').runtime()
    const config = storeConfig('/data', {
      segmentMaxBytes: 1024 * 1024,
      retention: NO_RETENTION,
      ...this.#options.store,
      ...changes,
    })
    this.store = await this.run(MessageStore.open(runtime, config))
    const { store } = this
    const { clock, log } = runtime
    this.topics = await this.run(TopicRegistry.open(store, clock))
    const ports = { clock, log, store, topics: this.topics }
    this.engine = await this.run(DeliveryEngine.open(ports, this.#options.delivery))
    this.#isUp = true
  }

  async #close(): Promise<void> {
    this.#isUp = false
    await this.run(this.engine.close())
    await this.run(this.store.close())
  }
}
