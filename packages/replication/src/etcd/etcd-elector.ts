import { CometError } from '@cometmq/protocol'
import type { Runtime } from '@cometmq/runtime'
import type {
  Elector,
  ElectorLease,
  GroupHint,
  GroupView,
  ReadOutcome,
  Revision,
  SwapOutcome,
  Transaction,
} from '../elector.ts'
import { viewOfRecords } from '../elector-records.ts'
import type { KeyValue } from '../generated/etcdserverpb/KeyValue.ts'
import type { ResponseHeader } from '../generated/etcdserverpb/ResponseHeader.ts'
import type { TxnResponse } from '../generated/etcdserverpb/TxnResponse.ts'
import { EtcdEndpoints } from './etcd-endpoints.ts'
import { EtcdHistory } from './etcd-history.ts'
import { EtcdKeys, revisionOf } from './etcd-keys.ts'
import { EtcdLease } from './etcd-lease.ts'
import { type EtcdMethods, loadEtcdMethods } from './etcd-methods.ts'
import { checkTiming, defaultEtcdTiming, type EtcdTiming } from './etcd-timing.ts'
import { txnRequestOf } from './etcd-transactions.ts'
import { EtcdWatch } from './etcd-watch.ts'

export type EtcdPorts = Pick<Runtime, 'clock' | 'random' | 'transport' | 'log'>

export interface EtcdElectorOptions {
  readonly cluster: string
  readonly brokerName: string
  /** `host:port` of each member of etcd that we may ask. */
  readonly endpoints: readonly string[]
  readonly timing?: Partial<EtcdTiming>
}

/**
 * The elector on etcd, version 3.4 or later. Only its transactions, leases and watches; never its
 * locks or elections, which rest on time.
 */
export class EtcdElector implements Elector {
  readonly #ports: EtcdPorts
  readonly #keys: EtcdKeys
  readonly #timing: EtcdTiming
  readonly #methods: EtcdMethods
  readonly #endpoints: EtcdEndpoints
  readonly #lease: EtcdLease
  readonly #history = new EtcdHistory()
  readonly #watches = new Set<EtcdWatch>()

  private constructor(ports: EtcdPorts, options: EtcdElectorOptions) {
    this.#ports = ports
    this.#keys = new EtcdKeys(options)
    this.#timing = { ...defaultEtcdTiming, ...options.timing }
    checkTiming(this.#timing)
    this.#methods = loadEtcdMethods()
    this.#endpoints = new EtcdEndpoints(ports, options.endpoints)
    this.#lease = new EtcdLease(
      ports,
      { endpoints: this.#endpoints, methods: this.#methods.lease },
      this.#timing,
    )
  }

  /** Asks for a lease at once and waits for nothing. Throws `CONFIG_INVALID`. */
  static open(ports: EtcdPorts, options: EtcdElectorOptions): EtcdElector {
    return new EtcdElector(ports, options)
  }

  get lease(): ElectorLease {
    return this.#lease
  }

  async read(): Promise<ReadOutcome> {
    const whenSent = this.#history.furthest
    const answer = await this.#outcomeOf(
      this.#endpoints.ask(this.#methods.kv.Range, this.#keys.range, {
        timeoutMs: this.#timing.deadlineMs,
        repeat: 'always',
      }),
    )
    if (answer === undefined) return { kind: 'unreachable' }
    const { header, kvs } = answer
    const reason = this.#history.take(header, { whenSent, hasWritten: false })
    if (reason !== undefined) return { kind: 'went-back', reason }
    return { kind: 'read', view: this.#viewOf(header, kvs) }
  }

  async swap(transaction: Transaction): Promise<SwapOutcome> {
    const whenSent = this.#history.furthest
    const answer = await this.#outcomeOf(
      this.#endpoints.ask(this.#methods.kv.Txn, txnRequestOf(transaction, this.#keys), {
        timeoutMs: this.#timing.deadlineMs,
        repeat: 'unless-sent',
      }),
    )
    if (answer === undefined) return this.#afterFailure(transaction)
    const hasWritten = answer.succeeded
    const reason = this.#history.take(answer.header, { whenSent, hasWritten })
    if (reason !== undefined) return { kind: 'went-back', reason }
    if (answer.succeeded) {
      return { kind: 'won', revision: revisionOf(answer.header?.revision ?? '0') }
    }
    return { kind: 'lost', view: this.#viewOf(answer.header, entriesOf(answer)) }
  }

  watch(from: Revision, onChange: (hint: GroupHint) => void): AsyncDisposable {
    const watch = new EtcdWatch(
      this.#ports,
      { endpoints: this.#endpoints, methods: this.#methods.watch },
      this.#timing,
      { range: this.#keys.range, from, onChange },
    )
    this.#watches.add(watch)
    return {
      [Symbol.asyncDispose]: async () => {
        this.#watches.delete(watch)
        await watch[Symbol.asyncDispose]()
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#watches].map((watch) => watch[Symbol.asyncDispose]()))
    await this.#lease[Symbol.asyncDispose]()
    this.#endpoints.close()
  }

  /**
   * etcd refuses to put a key with a lease that it does not know, every time. This is as definite as
   * a guard that does not hold, for ids of leases never come back; all else may still take effect.
   */
  async #afterFailure(transaction: Transaction): Promise<SwapOutcome> {
    for (const write of transaction.writes) {
      if (write.kind !== 'put-live' || !(await this.#lease.isGone(write.leaseId))) continue
      const now = await this.read()
      if (now.kind === 'read') return { kind: 'lost', view: now.view }
    }
    return { kind: 'unknown' }
  }

  /** Why there is no answer has been logged by then. */
  async #outcomeOf<Response>(answer: Promise<Response>): Promise<Response | undefined> {
    try {
      return await answer
    } catch (error) {
      if (error instanceof CometError) return undefined
      throw error
    }
  }

  #viewOf(header: ResponseHeader | null, entries: readonly KeyValue[]): GroupView {
    return viewOfRecords(this.#keys.recordsOf(entries), {
      revision: revisionOf(header?.revision ?? '0'),
      clusterId: BigInt(header?.clusterId ?? '0').toString(16),
    })
  }
}

/** What a refused transaction found instead. */
function entriesOf(answer: TxnResponse): readonly KeyValue[] {
  return answer.responses.flatMap(({ responseRange }) => responseRange?.kvs ?? [])
}
