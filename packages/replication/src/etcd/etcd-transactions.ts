import type { Guard, Transaction, Write } from '../elector.ts'
import { recordOfWrite } from '../elector-records.ts'
import type { Compare } from '../generated/etcdserverpb/Compare.ts'
import type { RequestOp } from '../generated/etcdserverpb/RequestOp.ts'
import type { TxnRequest } from '../generated/etcdserverpb/TxnRequest.ts'
import type { EtcdKeys } from './etcd-keys.ts'

/** The transaction as etcd has it. Refused, it answers with everything that is there instead. */
export function txnRequestOf(transaction: Transaction, keys: EtcdKeys): TxnRequest {
  return {
    compare: transaction.guards.map((guard) => compareOf(guard, keys)),
    success: transaction.writes.map((write) => operationOf(write, keys)),
    failure: [{ requestRange: keys.range }],
  }
}

function compareOf(guard: Guard, keys: EtcdKeys): Compare {
  const key = keys.bytesOf(guard.key)
  switch (guard.kind) {
    case 'unchanged':
      return { result: 'EQUAL', target: 'MOD', key, modRevision: String(guard.revision) }
    case 'absent':
      return { result: 'EQUAL', target: 'CREATE', key, createRevision: '0' }
  }
}

function operationOf(write: Write, keys: EtcdKeys): RequestOp {
  const { name, text } = recordOfWrite(write)
  const key = keys.bytesOfName(name)
  if (text === undefined) return { requestDeleteRange: { key } }
  const lease = write.kind === 'put-live' ? write.leaseId : '0'
  return { requestPut: { key, value: Buffer.from(text), lease } }
}
