import assert from 'node:assert/strict'
import { CometError } from '@cometmq/protocol'
import {
  accept,
  answer,
  type Clock,
  type Handler,
  type MessageStream,
  type Random,
} from '@cometmq/runtime'
import { type EtcdMethods, loadEtcdMethods } from '../etcd/etcd-methods.ts'
import type { Compare } from '../generated/etcdserverpb/Compare.ts'
import type { KeyValue } from '../generated/etcdserverpb/KeyValue.ts'
import type { RangeResponse } from '../generated/etcdserverpb/RangeResponse.ts'
import type { RequestOp } from '../generated/etcdserverpb/RequestOp.ts'
import type { ResponseHeader } from '../generated/etcdserverpb/ResponseHeader.ts'
import type { TxnRequest } from '../generated/etcdserverpb/TxnRequest.ts'
import type { TxnResponse } from '../generated/etcdserverpb/TxnResponse.ts'
import type { WatchRequest } from '../generated/etcdserverpb/WatchRequest.ts'
import type { WatchResponse } from '../generated/etcdserverpb/WatchResponse.ts'
import {
  type KeyGuard,
  type KeysAnswer,
  type KeyWrite,
  LEASE_ID_BYTES,
  type LeasedRecord,
  SharedKeys,
} from './shared-keys.ts'

type WatchStream = MessageStream<WatchResponse, WatchRequest>
type Tell = (response: WatchResponse) => void

const UNLEASED = '0'

/**
 * What the members of an etcd cluster answer, as far as `EtcdElector` asks. They agree with each
 * other at once, so all that fails is a member's process, or the way to it.
 *
 * One cluster serves one broker group: whatever range is asked for, it answers with all keys.
 */
export class SimulatedEtcd {
  readonly keys: SharedKeys
  /** How many transactions have arrived. */
  transactionCount = 0
  /** What the transactions have written, in order. */
  readonly written: KeyWrite[] = []
  readonly #methods = loadEtcdMethods()
  readonly #watches = new Set<Tell>()
  /** Of each revision, the keys that it wrote. */
  readonly #history = new Map<number, readonly string[]>()
  #compactedTo = 0

  constructor(ports: { readonly clock: Clock; readonly random: Random }) {
    this.keys = new SharedKeys(ports, (names) => this.#changed(names))
  }

  /** What one member serves; the clock is that of its process. */
  handlers(clock: Clock): readonly Handler[] {
    return handlersOf(this, clock, this.#methods)
  }

  /** Forgets what the present revision has replaced. */
  compact(): void {
    this.#compactedTo = this.keys.revision
    for (const revision of this.#history.keys()) {
      if (revision < this.#compactedTo) this.#history.delete(revision)
    }
  }

  range(): RangeResponse {
    return rangeOf(this.keys.read())
  }

  apply(request: TxnRequest): TxnResponse {
    this.transactionCount += 1
    const writes = request.success.map(writeOf)
    const answered = this.keys.apply(request.compare.map(guardOf), writes)
    const header = headerOf(answered)
    switch (answered.kind) {
      case 'won':
        this.written.push(...writes)
        return { header, succeeded: true, responses: [] }
      case 'lost':
        if (writes.some(({ leaseId }) => leaseId !== undefined && !this.keys.hasLease(leaseId))) {
          throw new CometError('INTERNAL', 'etcdserver: requested lease not found')
        }
        return { header, succeeded: false, responses: [{ responseRange: rangeOf(answered) }] }
    }
  }

  watch(stream: WatchStream, clock: Clock): void {
    // A frozen process tells of changes when it goes on.
    const tell: Tell = (response) => {
      clock.schedule(0, () => stream.send(response))
    }
    stream.receive({
      message: ({ createRequest, progressRequest }) => {
        if (createRequest) this.#begin(tell, Number(createRequest.startRevision))
        if (progressRequest) tell(this.#watchResponse({}))
      },
      ended: () => this.#watches.delete(tell),
      failed: () => this.#watches.delete(tell),
    })
  }

  #begin(tell: Tell, from: number): void {
    tell(this.#watchResponse({ created: true }))
    if (from < this.#compactedTo) {
      const compactRevision = String(this.#compactedTo)
      tell(this.#watchResponse({ compactRevision, canceled: true }))
      return
    }
    this.#watches.add(tell)
    for (const revision of this.#history.keys()) {
      if (revision >= from) tell(this.#eventsOf(revision))
    }
  }

  #changed(names: readonly string[]): void {
    const { revision } = this.keys
    this.#history.set(revision, names)
    for (const tell of this.#watches) tell(this.#eventsOf(revision))
  }

  #eventsOf(revision: number): WatchResponse {
    return this.#watchResponse({
      events: (this.#history.get(revision) ?? []).map((name) => ({
        type: 'PUT',
        kv: keyValueOf({ name, text: '', revision, leaseId: undefined }),
      })),
    })
  }

  #watchResponse(fields: Partial<WatchResponse>): WatchResponse {
    return {
      header: headerOf(this.keys.read()),
      watchId: '0',
      created: false,
      canceled: false,
      compactRevision: '0',
      cancelReason: '',
      events: [],
      ...fields,
    }
  }
}

function handlersOf(etcd: SimulatedEtcd, clock: Clock, methods: EtcdMethods): readonly Handler[] {
  const { keys } = etcd
  const header = (): ResponseHeader => headerOf(keys.read())
  return [
    answer(methods.kv.Range, () => Promise.resolve(etcd.range())),
    answer(methods.kv.Txn, (request) => Promise.resolve(etcd.apply(request))),
    answer(methods.lease.LeaseGrant, ({ TTL }) => {
      const id = BigInt(`0x${keys.grant(1_000 * Number(TTL))}`)
      return Promise.resolve({ header: header(), ID: String(id), TTL, error: '' })
    }),
    answer(methods.lease.LeaseRevoke, ({ ID }) => {
      keys.revoke(hexOf(ID))
      return Promise.resolve({ header: header() })
    }),
    accept(methods.lease.LeaseKeepAlive, (stream) => {
      stream.receive({
        message: ({ ID }) => {
          const ttlMs = keys.renew(hexOf(ID)) ?? 0
          stream.send({ header: header(), ID, TTL: String(ttlMs / 1_000) })
        },
        ended: () => stream.end(),
        failed: () => {},
      })
    }),
    accept(methods.watch.Watch, (stream) => etcd.watch(stream, clock)),
  ]
}

function guardOf({ target, result, key, modRevision, createRevision }: Compare): KeyGuard {
  assert.equal(result, 'EQUAL')
  const name = key.toString('utf8')
  if (target === 'MOD') return { name, revision: Number(modRevision) }
  assert.deepEqual([target, createRevision], ['CREATE', '0'], 'only absence is asked for this way')
  return { name, revision: 0 }
}

function writeOf({ requestPut, requestDeleteRange }: RequestOp): KeyWrite {
  if (requestDeleteRange) {
    return { name: requestDeleteRange.key.toString('utf8'), text: undefined, leaseId: undefined }
  }
  assert(requestPut, 'a transaction puts or deletes')
  const { key, value, lease } = requestPut
  return {
    name: key.toString('utf8'),
    text: value.toString('utf8'),
    leaseId: lease === UNLEASED ? undefined : hexOf(lease),
  }
}

function rangeOf(answered: KeysAnswer): RangeResponse {
  return { header: headerOf(answered), kvs: answered.records.map(keyValueOf) }
}

function keyValueOf({ name, text, revision, leaseId }: LeasedRecord | WrittenRecord): KeyValue {
  return {
    key: Buffer.from(name),
    createRevision: '0',
    modRevision: String(revision),
    version: '0',
    value: Buffer.from(text),
    lease: leaseId === undefined ? UNLEASED : String(BigInt(`0x${leaseId}`)),
  }
}

/** What a watch tells of it. */
type WrittenRecord = Omit<LeasedRecord, 'revision'> & { readonly revision: number }

function headerOf({ clusterId, revision }: Omit<KeysAnswer, 'records'>): ResponseHeader {
  return {
    clusterId: String(BigInt(`0x${clusterId}`)),
    memberId: '1',
    revision: String(revision),
    raftTerm: '2',
  }
}

/** Ids are hexadecimal in `SharedKeys` and decimal on the wire, where they are signed. */
function hexOf(id: string): string {
  return BigInt(id)
    .toString(16)
    .padStart(2 * LEASE_ID_BYTES, '0')
}
