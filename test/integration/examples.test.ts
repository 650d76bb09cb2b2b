import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Broker, type BrokerConfig, brokerDefaults } from '@cometmq/broker'
import { NameServer, nameServerDefaults } from '@cometmq/nameserver'
import { type NodeRuntime, openNodeRuntime } from '@cometmq/runtime/node'
import { storeConfig } from '@cometmq/store'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

const MIB = 2 ** 20
const folder = fileURLToPath(new URL('../../examples/', import.meta.url))

/** What each example prints. */
const printed: Readonly<Record<string, RegExp>> = {
  'admin.ts': /^4 queues, 3 attempts$/,
  'batches.ts': /^counted 1000 clicks$/,
  'broadcast.ts': /^web-1 read dark mode\nweb-2 read dark mode$/,
  'consume.ts': /^received hello$/,
  'dead-letters.ts': /^no such address; 1 sent again$/,
  'filter.ts': /^saw error and fatal$/,
  'ordered.ts': /^3 steps in 1 queue$/,
  'receive.ts': /^did 2 jobs$/,
  'replay.ts': /^42 after 3 messages$/,
  'retry-and-reject.ts': /^paid at attempt 2$/,
  'schema.ts': /^SCHEMA_MISMATCH: a user is a text$/,
  'send-many.ts': /^stored 10000 messages$/,
  'send.ts': /^stored as examples\/\d+\/0$/,
  'shutdown.ts': /^drained$/,
}

let directory: string
let runtime: NodeRuntime
let nameServer: NameServer
let broker: Broker

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'cometmq-examples-'))
  runtime = openNodeRuntime({ name: 'examples', logLevel: 'warn' })
  nameServer = await NameServer.open(
    { ...nameServerDefaults, cluster: 'examples', listen: '127.0.0.1:0', warmupMs: 0 },
    runtime,
  )
  const config: BrokerConfig = {
    ...brokerDefaults,
    cluster: 'examples',
    brokerName: 'examples',
    listen: '127.0.0.1:0',
    nameservers: [nameServer.address],
    autoCreateTopics: true,
    store: storeConfig(directory, { minFreeBytes: 64 * MIB, hardFreeBytes: 32 * MIB }),
  }
  broker = await Broker.open(config, runtime)
  await vi.waitUntil(() => nameServer.status.brokers === 1, { timeout: 10_000 })
})

afterAll(async () => {
  await broker?.[Symbol.asyncDispose]()
  await nameServer?.close()
  await runtime?.[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

describe('the examples', () => {
  // Documentation that nobody runs is wrong sooner or later.
  test('are all run here', () => {
    const files = globSync('*.ts', { cwd: folder })

    expect(files.toSorted()).toEqual(Object.keys(printed).toSorted())
  })

  test.each(Object.keys(printed))('%s prints what it says', async (file) => {
    const source = await readFile(path.join(folder, file), 'utf8')
    expect(source).toContain("'localhost:9876'")

    const outcome = await run(source.replaceAll('localhost:9876', nameServer.address))

    expect(outcome).toEqual({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(printed[file] as RegExp),
    })
  })
})

/** Runs a program as if it lay in the folder of the examples. */
async function run(program: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const args = ['--conditions=cometmq-source', '--input-type=module-typescript', '-']
  const child = spawn(process.execPath, args, { cwd: folder, stdio: 'pipe' })
  child.stdin.end(program)
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ])
  return { code, stdout: stdout.trim(), stderr }
}
