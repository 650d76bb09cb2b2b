import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connect, Reject, text } from '@cometmq/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CometProcess, DevCluster } from './comet-process.ts'

let dev: DevCluster
let folder: string

beforeAll(async () => {
  dev = await DevCluster.start('--queues', '2')
  folder = await mkdtemp(path.join(tmpdir(), 'cometmq-cli-'))
})
afterAll(async () => {
  await dev[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

describe('topics', () => {
  test('are created, shown, changed and deleted', async () => {
    await dev.json(['topic', 'create', 'created', '--queues', '2', '--flush', 'async'])
    await dev.json(['topic', 'edit', 'created', '--queues', '3', '--writable', 'false'])

    expect(await dev.json(['topic', 'info', 'created'])).toMatchObject({
      topic: 'created',
      messages: 0,
      brokers: [{ brokerName: 'dev', queueCount: 3, flush: 'async', writable: false }],
    })
    expect((await dev.run(['topic', 'ls'])).stdout).toMatch(/^created +normal +3 +1 +async/m)
    expect(await dev.json(['topic', 'route', 'created'])).toMatchObject({
      brokers: [{ brokerName: 'dev', queueCount: 3, address: dev.ready.broker, writable: false }],
    })

    expect((await dev.run(['topic', 'rm', 'created'])).exitCode).toBe(7)
    await dev.json(['topic', 'rm', 'created', '--yes'])
    expect((await dev.run(['topic', 'info', 'created'])).exitCode).toBe(3)
  })

  test('that are wrong, there already or not there end with their own codes', async () => {
    await dev.json(['topic', 'create', 'twice'])

    expect((await dev.run(['topic', 'create', 'twice'])).exitCode).toBe(7)
    expect((await dev.run(['topic', 'create', 'no good'])).exitCode).toBe(2)
    expect((await dev.run(['topic', 'edit', 'missing', '--queues', '9'])).exitCode).toBe(3)
    expect((await dev.run(['topic', 'route', 'missing'])).exitCode).toBe(3)
  })
})

describe('messages', () => {
  test('are sent from an argument, a file and lines, and are read again', async () => {
    const file = path.join(folder, 'body.bin')
    await writeFile(file, Buffer.from([0xff, 0x00, 0x01]))

    const options = [
      '--tag',
      'greeting',
      '--key',
      'k',
      '--keys',
      'a,b',
      '--property',
      'source=test',
    ]
    const sent = (await dev.json(['msg', 'send', 'mixed', 'hello', ...options])) as {
      messages: { brokerName: string; queueId: number; offset: number }[]
    }
    await dev.json(['msg', 'send', 'mixed', '--file', file])
    expect(await dev.json(['msg', 'send', 'mixed', '-'], 'one\ntwo\n')).toMatchObject({ sent: 2 })

    const [place] = sent.messages
    const at = `${place?.brokerName}/${place?.queueId}/${place?.offset}`
    expect(await dev.json(['msg', 'get', 'mixed', at])).toMatchObject({
      topic: 'mixed',
      body: 'hello',
      tag: 'greeting',
      messageGroup: 'k',
      keys: ['a', 'b'],
      properties: { source: 'test' },
    })

    const tail = ['msg', 'tail', 'mixed', '--from', 'earliest', '--json', '--max', '4']
    const lines = (await dev.run(tail)).stdout.trimEnd().split('\n')
    const bodies = lines.map((line) => JSON.parse(line).body ?? JSON.parse(line).bodyBase64)
    expect(new Set(bodies)).toEqual(new Set(['/wAB', 'hello', 'one', 'two']))
    expect(
      await dev.json([...tail.slice(0, -2), '--max', '1', '--filter', 'greeting']),
    ).toMatchObject({ body: 'hello', tag: 'greeting' })
  })

  test('are counted by topic', async () => {
    await dev.json(['msg', 'send', 'counted', 'x', '--count', '500'])

    expect(await dev.json(['topic', 'stats', 'counted'])).toMatchObject({
      topics: [{ topic: 'counted', stored: 500, kept: 500 }],
    })
  })

  test('are tailed as they come, until the tail is interrupted', async () => {
    await dev.json(['topic', 'create', 'live'])
    const args = ['msg', 'tail', 'live', '--json', '--from', 'earliest']
    await using tail = new CometProcess([...args, '-n', dev.ready.nameserver])
    await dev.json(['msg', 'send', 'live', 'now'])

    expect(JSON.parse(await tail.line())).toMatchObject({ body: 'now' })
    tail.signal('SIGINT')
    expect((await tail.finished).exitCode).toBe(0)
  })

  test('without a body, and at places where there is none, are refused', async () => {
    expect((await dev.run(['msg', 'send', 'mixed'])).exitCode).toBe(2)
    expect((await dev.run(['msg', 'send', 'mixed', 'x', '--file', 'y'])).exitCode).toBe(2)
    expect((await dev.run(['msg', 'get', 'mixed', 'dev/0/999'])).exitCode).toBe(3)
    expect((await dev.run(['msg', 'get', 'mixed', 'other/0/0'])).exitCode).toBe(3)
  })
})

describe('groups', () => {
  test('are created, paused, resumed, moved and deleted', async () => {
    await dev.json(['msg', 'send', 'grouped', 'x', '--count', '10'])
    const settings = ['--max-attempts', '3', '--retry-delays', '1s,2s', '--invisible', '30s']
    await dev.json(['group', 'create', 'movers', '--start', 'earliest', ...settings])
    await consume('grouped', 'movers', 10)
    expect(await dev.json(['group', 'lag', 'movers'])).toMatchObject({ backlog: 0 })

    const earliest = ['group', 'reset', 'movers', '--to', 'earliest']
    await dev.json([...earliest, '--dry-run'])
    expect(await dev.json(['group', 'lag', 'movers'])).toMatchObject({ backlog: 0 })
    await dev.json([...earliest, '--yes'])
    expect(await dev.json(['group', 'lag', 'movers'])).toMatchObject({ ready: 10, backlog: 10 })

    await dev.json(['group', 'pause', 'movers'])
    expect((await dev.run(['group', 'ls'])).stdout).toMatch(/^movers +0 +10 +0 +paused$/m)
    await dev.json(['group', 'resume', 'movers'])
    expect(await dev.json(['group', 'info', 'movers'])).toMatchObject({
      brokers: [
        { maxAttempts: 3, paused: false, retryDelaysMs: [1000, 2000], invisibleMs: 30_000 },
      ],
    })

    await dev.json(['group', 'rm', 'movers', '--yes'])
    expect((await dev.run(['group', 'lag', 'movers'])).exitCode).toBe(3)
  })
})

describe('dead letters', () => {
  test('are listed, looked at, sent again and deleted', async () => {
    await dev.json(['msg', 'send', 'poison', 'bad'])
    await rejectOne('poison', 'rejecters')

    expect(await dev.json(['dlq', 'ls'])).toMatchObject({
      groups: [{ group: 'rejecters', messages: 1 }],
    })
    expect(await dev.json(['dlq', 'peek', 'rejecters'])).toMatchObject({
      messages: [{ body: 'bad', origin: { topic: 'poison', reason: 'no good' } }],
    })
    expect(await dev.json(['dlq', 'redrive', 'rejecters'])).toMatchObject({ redriven: 1 })

    await rejectOne('poison', 'rejecters')
    expect((await dev.run(['dlq', 'purge', 'rejecters'])).exitCode).toBe(7)
    expect(await dev.json(['dlq', 'purge', 'rejecters', '--yes'])).toMatchObject({ purged: 1 })
    expect((await dev.run(['dlq', 'ls'])).stdout).toBe('no dead letters\n')
  })
})

describe('the cluster', () => {
  test('is described and is healthy', async () => {
    expect(await dev.json(['cluster', 'info'])).toMatchObject({
      cluster: 'dev',
      brokers: [{ brokerName: 'dev', role: 'master', writable: true }],
    })
    expect((await dev.run(['cluster', 'health'])).exitCode).toBe(0)
  })

  test('is measured by bench, which leaves nothing behind', async () => {
    const before = await dev.json(['topic', 'ls', '--internal'])

    expect(await dev.json(['bench', '--messages', '2000', '--size', '100'])).toMatchObject({
      publish: { messages: 2000 },
      consume: { messages: 2000 },
    })

    expect(await dev.json(['topic', 'ls', '--internal'])).toEqual(before)
  })
})

async function consume(topic: string, group: string, count: number): Promise<void> {
  await using comet = await connect({ endpoints: dev.ready.nameserver })
  const { promise, resolve } = Promise.withResolvers<void>()
  let consumed = 0
  await using consumer = comet
    .topic(topic, { codec: text() })
    .consume({ group, from: 'earliest' }, () => {
      consumed += 1
      if (consumed === count) resolve()
    })
  await Promise.race([promise, consumer.done])
}

async function rejectOne(topic: string, group: string): Promise<void> {
  await using comet = await connect({ endpoints: dev.ready.nameserver })
  const { promise, resolve } = Promise.withResolvers<void>()
  await using consumer = comet
    .topic(topic, { codec: text() })
    .consume({ group, from: 'earliest' }, () => {
      resolve()
      throw new Reject('no good')
    })
  await Promise.race([promise, consumer.done])
}
