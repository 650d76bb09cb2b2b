import { describe, expect, test } from 'vitest'
import type { Method } from './method.ts'
import { loadServices, type Services } from './services.ts'

const services = loadServices()
const methods = Object.entries(services).flatMap(([service, rpcs]) =>
  Object.entries(rpcs as Record<string, Method<object, object>>).map(
    ([name, method]) => [`${service}.${name}`, method] as const,
  ),
)
const malformed = expect.objectContaining({ code: 'MALFORMED_REQUEST' }) as object

describe('loadServices', () => {
  // A name that is missing here is a call that fails only when somebody makes it.
  test('finds every rpc, under its name and kind', () => {
    expect(
      Object.fromEntries(methods.map(([name, { path, kind }]) => [name, `${kind} ${path}`])),
    ).toEqual({
      'admin.ListTopics': 'unary /cometmq.v1.Admin/ListTopics',
      'admin.DescribeTopic': 'unary /cometmq.v1.Admin/DescribeTopic',
      'admin.CreateTopic': 'unary /cometmq.v1.Admin/CreateTopic',
      'admin.EditTopic': 'unary /cometmq.v1.Admin/EditTopic',
      'admin.DeleteTopic': 'unary /cometmq.v1.Admin/DeleteTopic',
      'admin.ListGroups': 'unary /cometmq.v1.Admin/ListGroups',
      'admin.DescribeGroup': 'unary /cometmq.v1.Admin/DescribeGroup',
      'admin.CreateGroup': 'unary /cometmq.v1.Admin/CreateGroup',
      'admin.EditGroup': 'unary /cometmq.v1.Admin/EditGroup',
      'admin.DeleteGroup': 'unary /cometmq.v1.Admin/DeleteGroup',
      'admin.ResetGroup': 'unary /cometmq.v1.Admin/ResetGroup',
      'admin.ListDeadLetters': 'unary /cometmq.v1.Admin/ListDeadLetters',
      'admin.RedriveDeadLetters': 'unary /cometmq.v1.Admin/RedriveDeadLetters',
      'admin.PurgeDeadLetters': 'unary /cometmq.v1.Admin/PurgeDeadLetters',
      'admin.GetMessage': 'unary /cometmq.v1.Admin/GetMessage',
      'admin.DescribeBroker': 'unary /cometmq.v1.Admin/DescribeBroker',
      'admin.DescribeReplicas': 'unary /cometmq.v1.Admin/DescribeReplicas',
      'admin.CommandGroup': 'unary /cometmq.v1.Admin/CommandGroup',
      'cluster.Register': 'bidi /cometmq.v1.Cluster/Register',
      'replication.Inspect': 'unary /cometmq.v1.Replication/Inspect',
      'replication.TakeOverlay': 'server-stream /cometmq.v1.Replication/TakeOverlay',
      'replication.Checkpoint': 'server-stream /cometmq.v1.Replication/Checkpoint',
      'replication.Appoint': 'unary /cometmq.v1.Replication/Appoint',
      'routes.Watch': 'server-stream /cometmq.v1.Routes/Watch',
      'routes.DescribeCluster': 'unary /cometmq.v1.Routes/DescribeCluster',
      'routes.ForgetBroker': 'unary /cometmq.v1.Routes/ForgetBroker',
    })
  })

  // What a sender leaves out arrives as the default that the types promise.
  test.each(methods)('fills in the defaults of %s', (_, method) => {
    const request = method.decodeRequest(Buffer.alloc(0))
    const response = method.decodeResponse(Buffer.alloc(0))

    expect(method.decodeRequest(method.encodeRequest(request))).toEqual(request)
    expect(method.decodeResponse(method.encodeResponse(response))).toEqual(response)
  })

  test.each(methods)('refuses bytes that are no message of %s', (_, method) => {
    const bytes = Buffer.from([0x0a, 0xff])

    expect(() => method.decodeRequest(bytes)).toThrow(malformed)
    expect(() => method.decodeResponse(bytes)).toThrow(malformed)
  })
})

describe('a message as operators see it', () => {
  const { GetMessage } = services.admin as Services['admin']

  test('arrives whole', () => {
    const stored = {
      ...GetMessage.decodeResponse(Buffer.alloc(0)),
      offset: Number.MAX_SAFE_INTEGER,
      body: Buffer.from([0, 255]),
      keys: ['a', ''],
      properties: { a: '1', ü: '' },
    }

    expect(GetMessage.decodeResponse(GetMessage.encodeResponse(stored))).toEqual(stored)
  })

  // Property keys are the users' choice. This one must not reach any prototype.
  test('has no power over prototypes', () => {
    const stored = {
      ...GetMessage.decodeResponse(Buffer.alloc(0)),
      properties: JSON.parse('{"__proto__":"a","b":"c"}') as Record<string, string>,
    }

    const { properties } = GetMessage.decodeResponse(GetMessage.encodeResponse(stored))

    expect(properties['b']).toBe('c')
    expect(Object.getPrototypeOf(properties)).toBe(Object.prototype)
  })
})
