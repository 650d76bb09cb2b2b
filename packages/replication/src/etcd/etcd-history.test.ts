import { describe, expect, test } from 'vitest'
import type { ResponseHeader } from '../generated/etcdserverpb/ResponseHeader.ts'
import { EtcdHistory } from './etcd-history.ts'

describe('EtcdHistory', () => {
  test('takes what is as far as it knew, or further', () => {
    const history = historyAt({ revision: '7', raftTerm: '3' })

    expect(take(history, { revision: '7', raftTerm: '3' })).toBeUndefined()
    expect(take(history, { revision: '9', raftTerm: '4' })).toBeUndefined()
    expect(history.furthest).toEqual({ clusterId: 'cdf8', revision: 9, raftTerm: 4 })
  })

  // Each is the sign of another way to lose what was decided: a backup that was restored, one that
  // has been written to since, a cluster that was made anew.
  test.each([
    [{ revision: '6' }, 'etcd is at revision 6 and was at 7 before'],
    [{ revision: '8', raftTerm: '2' }, 'etcd is in raft term 2 and was in 3 before'],
    [{ revision: '8', clusterId: '1' }, 'etcd cluster 1 answers instead of cdf8'],
  ])('says what is wrong with %j', (header, reason) => {
    const history = historyAt({ revision: '7', raftTerm: '3' })

    expect(take(history, header)).toBe(reason)
    expect(history.furthest).toEqual({ clusterId: 'cdf8', revision: 7, raftTerm: 3 })
  })

  // A transaction that took effect has written at a revision that nobody has seen.
  test('refuses a write at a revision that was another one before', () => {
    const history = historyAt({ revision: '7' })

    expect(take(history, { revision: '7' }, { hasWritten: true })).toBeDefined()
    expect(take(history, { revision: '8' }, { hasWritten: true })).toBeUndefined()
  })

  // The answers to two requests may overtake each other; nothing went back then.
  test('compares with what was known when the request was sent', () => {
    const history = historyAt({ revision: '7' })
    const whenSent = history.furthest
    take(history, { revision: '9' })

    expect(history.take(header({ revision: '8' }), { whenSent, hasWritten: false })).toBeUndefined()
    expect(history.furthest?.revision).toBe(9)
    expect(take(history, { revision: '8' })).toBeDefined()
  })

  test('knows another cluster also by the answer to a request that was sent before all answers', () => {
    const history = historyAt({ revision: '7' })
    const answer = header({ revision: '1', clusterId: '1' })

    expect(history.take(answer, { whenSent: undefined, hasWritten: false })).toBe(
      'etcd cluster 1 answers instead of cdf8',
    )
  })
})

function historyAt(fields: Partial<ResponseHeader>): EtcdHistory {
  const history = new EtcdHistory()
  take(history, fields)
  return history
}

/** As the answer to a request that is sent now. */
function take(
  history: EtcdHistory,
  fields: Partial<ResponseHeader>,
  { hasWritten } = { hasWritten: false },
): string | undefined {
  return history.take(header(fields), { whenSent: history.furthest, hasWritten })
}

function header(fields: Partial<ResponseHeader>): ResponseHeader {
  return { clusterId: String(0xcdf8), memberId: '1', revision: '1', raftTerm: '3', ...fields }
}
