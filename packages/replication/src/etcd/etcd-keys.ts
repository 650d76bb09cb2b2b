import assert from 'node:assert/strict'
import type { ElectorKey, Revision } from '../elector.ts'
import { nameOfKey, type StoredRecord } from '../elector-records.ts'
import type { KeyValue } from '../generated/etcdserverpb/KeyValue.ts'
import type { RangeRequest } from '../generated/etcdserverpb/RangeRequest.ts'

/** Where the keys of one broker group lie in etcd: `/cometmq/v1/<cluster>/<brokerName>/`. */
export class EtcdKeys {
  readonly #prefix: string
  /** All of them. */
  readonly range: RangeRequest

  constructor(group: { readonly cluster: string; readonly brokerName: string }) {
    for (const name of [group.cluster, group.brokerName]) {
      assert(/^[^/]+$/.test(name), 'a name is one step of a path')
    }
    const folder = `/cometmq/v1/${group.cluster}/${group.brokerName}`
    this.#prefix = `${folder}/`
    // `0` is the character after `/`.
    this.range = { key: Buffer.from(this.#prefix), rangeEnd: Buffer.from(`${folder}0`) }
  }

  bytesOf(key: ElectorKey): Buffer {
    return this.bytesOfName(nameOfKey(key))
  }

  bytesOfName(name: string): Buffer {
    return Buffer.from(this.#prefix + name)
  }

  recordsOf(entries: readonly KeyValue[]): StoredRecord[] {
    return entries.map(({ key, value, modRevision }) => ({
      name: key.toString('utf8').slice(this.#prefix.length),
      text: value.toString('utf8'),
      revision: revisionOf(modRevision),
    }))
  }
}

export function revisionOf(text: string): Revision {
  const revision = Number(text)
  assert(Number.isSafeInteger(revision), 'a revision is below 2^53')
  return revision as Revision
}
