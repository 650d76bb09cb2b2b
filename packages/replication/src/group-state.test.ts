import { commitLogOffset } from '@cometmq/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeGroupState, type GroupState, parseGroupState } from './group-state.ts'

const STATE: GroupState = {
  epoch: 42,
  master: 2,
  masterIncarnation: 17,
  inSync: new Map([
    [1, 30],
    [2, 17],
    [3, 9],
  ]),
  minInSync: 2,
  memberCount: 3,
  attempt: '2.17.105',
  reason: 'process-gone',
  previous: { epoch: 41, master: 1 },
  possibleLoss: undefined,
}

const TEXT =
  '{"version":1,"epoch":42,"master":2,"masterIncarnation":17,"inSync":[[1,30],[2,17],[3,9]],' +
  '"minInSync":2,"members":3,"attempt":"2.17.105","reason":"process-gone",' +
  '"previous":{"epoch":41,"master":1},"possibleLoss":null}'

describe('the state of a group', () => {
  // Members of two versions read each other's state while the group is updated one by one.
  test('is written as this text', () => {
    expect(encodeGroupState(STATE)).toBe(TEXT)
  })

  // A field that one side forgets would be lost at the next election.
  test('is read as it was written', () => {
    fc.assert(
      fc.property(states, (state) => {
        expect(parseGroupState(encodeGroupState(state))).toEqual(state)
      }),
    )
  })

  // Two orders of one set would be two texts of one state.
  test('lists the in-sync set by broker id', () => {
    const inSync = new Map([...STATE.inSync].toReversed())

    expect(encodeGroupState({ ...STATE, inSync })).toBe(TEXT)
  })

  // Guessing at what a later version means could make two masters.
  test('of another version is refused, whatever else it holds', () => {
    expect(codeOf(() => parseGroupState('{"version":2,"epoch":"42"}'))).toBe('UNSUPPORTED')
  })

  // An edited or damaged state must stop every election rather than steer one.
  test.each([
    ['not JSON', TEXT.slice(1)],
    ['not an object', '[]'],
    ['a missing version', TEXT.replace('"version":1,', '')],
    ['a missing field', TEXT.replace('"epoch":42,', '')],
    ['an unknown field', TEXT.replace('{', '{"leader":2,')],
    ['an epoch of 0', TEXT.replace('"epoch":42', '"epoch":0')],
    ['a fraction', TEXT.replace('"epoch":42', '"epoch":42.5')],
    ['a text for a number', TEXT.replace('"epoch":42', '"epoch":"42"')],
    ['a number for a text', TEXT.replace('"2.17.105"', '2')],
    ['a set that is no list', TEXT.replace('[[1,30],[2,17],[3,9]]', '{}')],
    ['a member without incarnation', TEXT.replace('[3,9]', '[3]')],
    ['a member twice', TEXT.replace('[3,9]', '[2,17]')],
    ['a set without the master', TEXT.replace('[2,17]', '[2,16]')],
    ['a floor above the group', TEXT.replace('"minInSync":2', '"minInSync":4')],
    ['an unknown field deep inside', TEXT.replace('"master":1}', '"master":1,"why":""}')],
    ['an unknown cause of loss', TEXT.replace('null', '{"epoch":1,"cause":"bad luck"}')],
  ])('with %s is refused', (_, text) => {
    expect(codeOf(() => parseGroupState(text))).toBe('GROUP_STATE_CORRUPT')
  })
})

const id = fc.integer({ min: 1, max: 100 })

const states: fc.Arbitrary<GroupState> = fc
  .uniqueArray(fc.tuple(id, id), { minLength: 1, maxLength: 5, selector: ([brokerId]) => brokerId })
  .map((members) => members.toSorted(([a], [b]) => a - b))
  .chain((members) =>
    fc
      .record({
        reign: fc.constantFrom(...members),
        epoch: id,
        minInSync: fc.integer({ min: 1, max: 5 }),
        attempt: fc.string(),
        reason: fc.string(),
        previous: fc.option(fc.record({ epoch: id, master: id }), { nil: undefined }),
        possibleLoss: fc.option(
          fc.record({
            epoch: id,
            cause: fc.constantFrom('recovery' as const, 'operator' as const),
            keptTo: fc.nat().map(commitLogOffset),
            confirmedTo: fc.nat().map(commitLogOffset),
          }),
          { nil: undefined },
        ),
      })
      .map(({ reign: [master, masterIncarnation], ...rest }) => ({
        ...rest,
        master,
        masterIncarnation,
        inSync: new Map(members),
        memberCount: 5,
      })),
  )

function codeOf(parse: () => unknown): unknown {
  try {
    return parse()
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}
