import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { CometProcess, DevCluster, run } from './comet-process.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cometmq-cli-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('comet dev', () => {
  test('shows where it listens, ends with code 0 when asked, and leaves nothing behind', async () => {
    await using dev = new CometProcess(['dev', '--port', '0'])
    const banner = await dev.line()
    const data = /^data in (\S+), removed/.exec(await dev.line())?.[1] ?? ''
    let line = ''
    while (!line.startsWith('ready')) line = await dev.line()

    expect(banner).toMatch(/^CometMQ \S+ for development: name server 127\.0\.0\.1:\d+, broker/)
    expect(existsSync(data)).toBe(true)
    dev.signal('SIGTERM')
    const { exitCode, stderr } = await dev.finished
    expect(exitCode).toBe(0)
    expect(stderr).toBe('')
    expect(existsSync(data)).toBe(false)
  })

  test('with --data keeps what was sent for the next one', async () => {
    const data = path.join(folder, 'kept')
    {
      await using dev = await DevCluster.start('--data', data)
      await dev.json(['msg', 'send', 'orders', 'kept'])
      expect((await dev.stop()).exitCode).toBe(0)
    }

    await using dev = await DevCluster.start('--data', data)
    const tail = ['msg', 'tail', 'orders', '--from', 'earliest', '--max', '1']

    expect(await dev.json(tail)).toMatchObject({ body: 'kept' })
  })

  // Two brokers that write to one folder would destroy it.
  test('refuses a folder that another process uses, with code 7', async () => {
    const data = path.join(folder, 'locked')
    await using _dev = await DevCluster.start('--data', data)

    const { exitCode, stderr } = await run(['dev', '--port', '0', '--data', data])

    expect(exitCode).toBe(7)
    expect(stderr).toContain('[STORE_LOCKED]; stop the broker that uses the folder first')
  })

  // The aim is 128 MiB; a build on another machine may need a little more.
  test('is small', async () => {
    await using dev = await DevCluster.start()

    expect(await rssOf(dev.process.pid)).toBeLessThan(150 * 2 ** 20)
  })

  // Then Node strips the types of every source, with WebAssembly that stays in memory.
  test('is small on its first start too', async () => {
    onTestFinished(() => void vi.unstubAllEnvs())
    vi.stubEnv('NODE_COMPILE_CACHE', path.join(folder, 'cache'))
    await using dev = await DevCluster.start()

    expect(await rssOf(dev.process.pid)).toBeLessThan(150 * 2 ** 20)
  })
})

describe('comet store', () => {
  test('inspects and verifies what a broker has left, and refuses while it runs', async () => {
    const data = path.join(folder, 'inspected')
    {
      await using dev = await DevCluster.start('--data', data, '--queues', '1')
      await dev.json(['msg', 'send', 'orders', 'x', '--count', '3'])
      expect((await run(['store', 'verify', data])).exitCode).toBe(7)
    }

    const inspected = await run(['store', 'inspect', data, '--json'])
    expect(JSON.parse(inspected.stdout)).toMatchObject({
      queues: [{ topic: 'orders', queueId: 0, minOffset: 0, maxOffset: 3 }],
      verdict: { kind: 'intact' },
    })
    expect((await run(['store', 'inspect', data])).stdout).toMatch(/^orders +0 +0 +3 /m)
    expect((await run(['store', 'verify', data])).exitCode).toBe(0)
  })

  // The byte is what somebody needs to look with a hex editor, or to know which backup to take.
  test('names segment and byte of a record that was damaged, with code 1', async () => {
    const data = path.join(folder, 'damaged')
    {
      await using dev = await DevCluster.start('--data', data, '--queues', '1')
      await dev.json(['msg', 'send', 'orders', 'some text to be found'])
    }
    const report = JSON.parse((await run(['store', 'inspect', data, '--json'])).stdout)
    const segment: string = report.segments[0].path
    const bytes = await readFile(segment)
    const at = bytes.indexOf('some text to be found')
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
    await writeFile(segment, bytes)

    const { exitCode, stderr } = await run(['store', 'verify', data])

    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/^comet: \S+ byte \d+: .* \[(RECORD|STORE)_CORRUPT\]/)
    expect(stderr).toContain(segment)
  })
})

describe('a broker', () => {
  test('tells all mistakes of its configuration at once and ends with code 2', async () => {
    const file = path.join(folder, 'broker.yaml')
    await writeFile(file, 'lisen: 0.0.0.0:1\nstore:\n  retention:\n    maxAge: long\n')

    const { exitCode, stderr } = await run(['broker', '--config', file, '--set', 'log.level=loud'])

    expect(exitCode).toBe(2)
    expect(stderr.split('\n')).toEqual([
      'comet: 3 mistakes in the configuration',
      expect.stringContaining('store.retention.maxAge  must be a duration'),
      '  log.level  must be one of debug, info, warn, error, silent  (flag --set log.level)',
      `  lisen  is no setting; did you mean listen?  (${file}:1)`,
      '',
    ])
  })

  test('logs JSON lines, says that it is ready with its address, and drains on SIGTERM', async () => {
    await using nameServer = new CometProcess(['nameserver', '--listen', '127.0.0.1:0'])
    const endpoint = await readyAddress(nameServer)
    const args = ['broker', '--listen', '127.0.0.1:0', '--data', path.join(folder, 'broker')]
    await using broker = new CometProcess([...args, '-n', endpoint])
    const address = await readyAddress(broker)

    const health = await run(['cluster', 'health', '--wait', '-n', endpoint])
    expect(health.exitCode).toBe(0)
    expect(health.stdout).toContain(`broker-a  ${address}  writable`)

    broker.signal('SIGTERM')
    expect((await broker.finished).exitCode).toBe(0)
    const { exitCode, stderr } = await run(['cluster', 'health', '-n', endpoint])
    expect(exitCode).toBe(1)
    expect(stderr).toContain('0 of at least 1 brokers are registered')
  })
})

async function readyAddress(daemon: CometProcess): Promise<string> {
  for (;;) {
    const { message, address } = JSON.parse(await daemon.line())
    if (message.endsWith('is ready')) return address
  }
}

async function rssOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1_024
}
