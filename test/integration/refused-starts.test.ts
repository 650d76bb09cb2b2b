/** Brokers that must not start, or must not serve, where others do or where they cannot. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LocalCluster } from '../cluster/local-cluster.ts'
import { CometProcess, type Finished, run } from './cli/comet-process.ts'
import { Witness } from './witness.ts'

const BROKER = 'broker-a'

let cluster: LocalCluster
let witness: Witness
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cometmq-refused-'))
  cluster = await LocalCluster.start({ nameServers: 1, brokers: [BROKER] })
  witness = await Witness.start(cluster.endpoints)
})
afterAll(async () => {
  await witness?.[Symbol.asyncDispose]()
  await cluster?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

describe('a broker', () => {
  // Two that write to one folder would destroy it.
  test('does not start on a data folder that another one uses, and leaves that one alone', async () => {
    const data = cluster.dataDirectoryOf(BROKER)

    const { exitCode, stderr } = await startBroker(data)

    expect(exitCode).toBe(7)
    expect(stderr).toBe(
      `comet: ${data} is in use by another process; stop that process, or give this one a folder of its own [STORE_LOCKED]; stop the broker that uses the folder first\n`,
    )
    expect(await witness.isServed()).toBe(true)
  })

  // Clients would take the one for the other. It serves on, so that whoever made the mistake can look
  // at it, but nobody is sent to it.
  test('under a name that is taken gets no clients, and says so', async () => {
    const data = path.join(folder, 'same-name')
    await using second = daemon(['broker', '--name', BROKER, '--data', data])

    const line = await second.says('not registered with the name server')

    expect(line).toMatchObject({ state: 'refused', why: expect.stringContaining('NAME_TAKEN') })
    expect(await brokers()).toEqual([{ brokerName: BROKER, address: brokerAddress() }])
    expect(await witness.isServed()).toBe(true)
  })

  // Messages of two clusters would mix.
  test('of another cluster gets no clients, and says so', async () => {
    const args = ['broker', '--name', 'stranger', '--cluster', 'other']
    await using stranger = daemon([...args, '--data', path.join(folder, 'stranger')])

    const line = await stranger.says('not registered with the name server')

    expect(line).toMatchObject({ state: 'refused', why: expect.stringContaining('WRONG_CLUSTER') })
    expect(await brokers()).toEqual([{ brokerName: BROKER, address: brokerAddress() }])
    expect(await witness.isServed()).toBe(true)
  })

  test('does not start on a port that another process has', async () => {
    const args = ['--set', `listen=${brokerAddress()}`]

    const { exitCode, stderr } = await startBroker(path.join(folder, 'port'), args)

    expect(exitCode).toBe(2)
    expect(stderr).toContain(`cannot listen on ${brokerAddress()}: the port is taken`)
    expect(await witness.isServed()).toBe(true)
  })

  describe('does not start, and names the folder, when its data folder', () => {
    test('is a file', async () => {
      const data = path.join(folder, 'file')
      await writeFile(data, 'not a folder')

      expectUnusable(await startBroker(data), data)
    })

    test('would lie in a file', async () => {
      const file = path.join(folder, 'parent')
      await writeFile(file, 'not a folder')

      expectUnusable(await startBroker(path.join(file, 'data')), path.join(file, 'data'))
    })

    test('has a file where the log should be', async () => {
      const data = path.join(folder, 'log-is-a-file')
      await mkdir(data)
      await writeFile(path.join(data, 'log'), 'not a folder')

      expectUnusable(await startBroker(data), path.join(data, 'log'))
    })

    // Node never comes back from making it, and keeps a core busy.
    test.runIf(process.platform === 'linux')('cannot be made by anybody', async () => {
      expectUnusable(await startBroker('/proc/comet'), '/proc/comet')
    })

    // Root may write everywhere.
    test.skipIf(process.getuid?.() === 0)('must not be written to', async () => {
      const data = path.join(folder, 'read-only')
      await mkdir(data, { mode: 0o555 })

      expectUnusable(await startBroker(data), data)
    })
  })
})

describe('afterwards', () => {
  test('everything that was acknowledged is there, and the files are sound', async () => {
    expect(await witness.differences()).toEqual([])

    await cluster.broker(BROKER).stop('SIGTERM')

    const { exitCode } = await run(['store', 'verify', cluster.dataDirectoryOf(BROKER)])
    expect(exitCode).toBe(0)
  })
})

function startBroker(data: string, more: readonly string[] = []): Promise<Finished> {
  const args = ['broker', '--name', 'broker-b', '--listen', '127.0.0.1:0', '--data', data]
  return run([...args, '--nameserver', cluster.endpoints.join(','), ...more])
}

function expectUnusable({ exitCode, stderr }: Finished, data: string): void {
  expect(stderr).toMatch(/^comet: cannot .* \[STORE_UNUSABLE\]\n$/)
  expect(stderr).toContain(data)
  expect(exitCode).toBe(7)
}

/** A daemon whose log can be waited for. */
function daemon(args: readonly string[]) {
  const more = ['--listen', '127.0.0.1:0', '--nameserver', cluster.endpoints.join(',')]
  const started = new CometProcess([...args, ...more])
  return {
    says: async (sentence: string): Promise<unknown> => {
      for (;;) {
        const line = JSON.parse(await started.line())
        if (line.message === sentence) return line
      }
    },
    [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
  }
}

function brokerAddress(): string {
  return cluster.broker(BROKER).address
}

async function brokers(): Promise<{ brokerName: string; address: string }[]> {
  const { brokers: registered } = await witness.comet.admin.describeCluster()
  return registered.map(({ broker }) => ({
    brokerName: broker?.brokerName ?? '',
    address: broker?.address ?? '',
  }))
}
