import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  type FilterText,
  type LeasedRange,
  type Method,
  publishMethod,
  type ReadRequest,
  type ReadResponse,
  readMethod,
  type SubscribeRequest,
  type SubscribeResponse,
  subscribeMethod,
} from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { bytesOfDump, dumpBytes } from './dump.ts'

/**
 * The hot messages as the first version wrote them. SDKs and brokers of different versions talk to
 * each other, so field numbers and meanings never change; fields are only added.
 */

const BATCH = Buffer.from('record batch')
const RANGE: LeasedRange = { topic: 'orders', queueId: 300, retry: false, from: 0, to: 2 ** 40 }

const subscribeRequests: Readonly<Record<string, SubscribeRequest>> = {
  'subscribe-open': {
    kind: 'open',
    group: 'billing',
    sessionId: 's-1',
    clientId: 'host/7/billing',
    topics: [
      { topic: 'orders', filter: 'eu||us' },
      { topic: 'refunds', filter: '' },
    ],
    invisibleMs: 60_000,
    creditBytes: 1_048_576,
    held: [RANGE, { topic: '', queueId: 0, retry: true, from: 3, to: 4 }],
  },
  'subscribe-open-sql': {
    kind: 'open',
    group: 'billing',
    sessionId: 's-1',
    clientId: 'host/7/billing',
    topics: [{ topic: 'orders', filter: '', sql: '"price" > 5' }],
    invisibleMs: 0,
    creditBytes: 0,
    held: [],
  },
  'subscribe-credit': { kind: 'credit', bytes: 65_536 },
  'subscribe-settle': {
    kind: 'settle',
    id: 9,
    settlements: [
      { range: RANGE, action: { kind: 'acknowledge' } },
      { range: RANGE, action: { kind: 'retry', delayMs: undefined, reason: 'later' } },
      { range: RANGE, action: { kind: 'retry', delayMs: 0, reason: '' } },
      { range: RANGE, action: { kind: 'reject', reason: 'no such customer' } },
      { range: RANGE, action: { kind: 'extend', delayMs: 30_000 } },
      { range: RANGE, action: { kind: 'release' } },
    ],
  },
  'subscribe-leave': { kind: 'leave' },
}

const subscribeResponses: Readonly<Record<string, SubscribeResponse>> = {
  'subscribe-opened': {
    kind: 'opened',
    invisibleMs: 60_000,
    maxAttempts: 16,
    lost: [RANGE],
    fifo: false,
  },
  'subscribe-opened-fifo': {
    kind: 'opened',
    invisibleMs: 60_000,
    maxAttempts: 16,
    lost: [],
    fifo: true,
  },
  'subscribe-deliver': {
    kind: 'deliver',
    deliveries: [
      {
        topic: 'orders',
        queueId: 5,
        retry: false,
        attempt: 1,
        invisibleMs: 60_000,
        ranges: [7, 9, 12, 2 ** 53 - 1],
        batches: [BATCH, BATCH],
      },
    ],
  },
  'subscribe-settled': {
    kind: 'settled',
    id: 9,
    failures: [{ index: 2, error: 34, message: 'leased to another member' }],
  },
  'subscribe-draining': { kind: 'draining' },
}

const readRequests: Readonly<Record<string, ReadRequest>> = {
  'read-assign-earliest': assign({ kind: 'earliest' }),
  'read-assign-latest': assign({ kind: 'latest' }),
  'read-assign-offset': assign({ kind: 'offset', offset: 0 }),
  'read-assign-timestamp': assign({ kind: 'timestamp', timestampMs: 1_760_000_000_000 }),
  'read-assign-named': assign({ kind: 'named', name: 'reports', otherwiseLatest: true }),
  'read-assign-sql': assign({ kind: 'earliest' }, { filter: '', sql: '"price" > 5' }),
  'read-unassign': { kind: 'unassign', assignmentId: 4 },
  'read-credit': { kind: 'credit', bytes: 65_536 },
  'read-commit': { kind: 'commit', id: 2, name: 'reports', topic: 'orders', queueId: 5, offset: 8 },
}

const readResponses: Readonly<Record<string, ReadResponse>> = {
  'read-assigned': { kind: 'assigned', assignmentId: 4, from: 3, minOffset: 1, maxOffset: 9 },
  'read-batches': {
    kind: 'batches',
    assignmentId: 4,
    from: 3,
    next: 9,
    maxOffset: 9,
    batches: [BATCH],
    ranges: [3, 5, 8, 9],
    suggested: '',
    nearEnd: false,
  },
  'read-batches-suggested': {
    kind: 'batches',
    assignmentId: 4,
    from: 3,
    next: 9,
    maxOffset: 9,
    batches: [BATCH],
    ranges: [],
    suggested: 'slave:8081',
    nearEnd: true,
  },
  'read-problem': {
    kind: 'problem',
    assignmentId: 4,
    error: 38,
    message: 'gone',
    minOffset: 5,
    maxOffset: 9,
  },
  'read-committed': { kind: 'committed', id: 2, error: 0, message: '' },
  'read-draining': { kind: 'draining' },
}

const frozen = [
  request('publish-request', publishMethod, { batches: [BATCH, Buffer.from('another')] }),
  response('publish-response', publishMethod, {
    results: [
      {
        error: 0,
        message: '',
        baseQueueOffset: 2 ** 40,
        epoch: 3,
        duplicate: true,
        retryAfterMs: 0,
      },
      {
        error: 20,
        message: 'too much is waiting',
        baseQueueOffset: 0,
        epoch: 0,
        duplicate: false,
        retryAfterMs: 25,
      },
    ],
  }),
  ...Object.entries(subscribeRequests).map(([name, it]) => request(name, subscribeMethod, it)),
  ...Object.entries(subscribeResponses).map(([name, it]) => response(name, subscribeMethod, it)),
  ...Object.entries(readRequests).map(([name, it]) => request(name, readMethod, it)),
  ...Object.entries(readResponses).map(([name, it]) => response(name, readMethod, it)),
]

describe('a hot message as it was frozen', () => {
  test.each(frozen)('is what this version writes: $name', async ({ name, encoded }) => {
    await expect(dumpBytes(encoded)).toMatchFileSnapshot(placeOf(name))
  })

  test.each(frozen)('still means the same: $name', ({ name, message, decode }) => {
    const bytes = bytesOfDump(readFileSync(placeOf(name), 'utf8'))

    expect(decode(bytes)).toEqual(message)
  })
})

interface Frozen {
  readonly name: string
  readonly message: unknown
  readonly encoded: Buffer
  readonly decode: (bytes: Buffer) => unknown
}

function request<Request>(
  name: string,
  method: Method<Request, unknown>,
  message: Request,
): Frozen {
  const encoded = method.encodeRequest(message)
  return { name, message, encoded, decode: (bytes) => method.decodeRequest(bytes) }
}

function response<Request, Response>(
  name: string,
  method: Method<Request, Response>,
  message: Response,
): Frozen {
  const encoded = method.encodeResponse(message)
  return { name, message, encoded, decode: (bytes) => method.decodeResponse(bytes) }
}

function assign(
  start: (ReadRequest & { kind: 'assign' })['start'],
  filter: FilterText = { filter: 'eu' },
): ReadRequest {
  return { kind: 'assign', assignmentId: 4, topic: 'orders', queueId: 5, start, ...filter }
}

function placeOf(name: string): string {
  return fileURLToPath(new URL(`frozen/${name}.txt`, import.meta.url))
}
