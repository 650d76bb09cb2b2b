import type { ResponseHeader } from '../generated/etcdserverpb/ResponseHeader.ts'
import { revisionOf } from './etcd-keys.ts'

/** How far etcd had come when it answered. */
interface Mark {
  readonly clusterId: string
  readonly revision: number
  readonly raftTerm: number
}

/**
 * The furthest that etcd was seen at. An etcd that was restored from a backup, or emptied, has
 * forgotten who was elected: nobody may act on what it says.
 *
 * Only for answers to linearizable reads and transactions. A member that lags behind answers a
 * keep-alive or a watch with less, and there is nothing wrong with it.
 */
export class EtcdHistory {
  #furthest: Mark | undefined

  /** To be taken before a request is sent, and handed in with its answer. */
  get furthest(): Mark | undefined {
    return this.#furthest
  }

  /**
   * Takes note of an answer; says what is wrong with one that went back. Requests that run side by
   * side may be answered in any order, so an answer is compared with what was known when its
   * request was sent. `hasWritten`: the answer is to a transaction that took effect, so its
   * revision is a new one.
   */
  take(
    header: ResponseHeader | null,
    request: { readonly whenSent: Mark | undefined; readonly hasWritten: boolean },
  ): string | undefined {
    const mark = markOf(header)
    const reason = whyBack(mark, request)
    if (reason !== undefined) return reason
    const { clusterId = mark.clusterId, revision = 0, raftTerm = 0 } = this.#furthest ?? {}
    // The two requests may both have been the first.
    if (mark.clusterId !== clusterId) return otherCluster(mark.clusterId, clusterId)
    this.#furthest = {
      clusterId,
      revision: Math.max(revision, mark.revision),
      raftTerm: Math.max(raftTerm, mark.raftTerm),
    }
    return undefined
  }
}

/** The id of a cluster as etcd prints it. */
function markOf(header: ResponseHeader | null): Mark {
  const { clusterId = '0', revision = '0', raftTerm = '0' } = header ?? {}
  return {
    clusterId: BigInt(clusterId).toString(16),
    revision: revisionOf(revision),
    raftTerm: Number(raftTerm),
  }
}

function whyBack(
  mark: Mark,
  {
    whenSent: known,
    hasWritten,
  }: { readonly whenSent: Mark | undefined; readonly hasWritten: boolean },
): string | undefined {
  if (known === undefined) return undefined
  if (mark.clusterId !== known.clusterId) {
    return otherCluster(mark.clusterId, known.clusterId)
  }
  if (mark.revision < known.revision + (hasWritten ? 1 : 0)) {
    return `etcd is at revision ${mark.revision} and was at ${known.revision} before`
  }
  if (mark.raftTerm < known.raftTerm) {
    return `etcd is in raft term ${mark.raftTerm} and was in ${known.raftTerm} before`
  }
  return undefined
}

function otherCluster(is: string, was: string): string {
  return `etcd cluster ${is} answers instead of ${was}`
}
