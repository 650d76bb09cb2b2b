import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type BrokerSettings, brokerSettings } from './broker-settings.ts'
import { environmentVariableOf } from './env.ts'
import { type LoadedSettings, loadSettings, type Sources } from './load.ts'
import { ConfigError, mistakeLine } from './mistake.ts'
import { nameServerSettings } from './name-server-settings.ts'
import { settingPaths } from './paths.ts'

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cometmq-config-'))
  file = path.join(folder, 'broker.yaml')
})
afterEach(() => rm(folder, { recursive: true }))

describe('broker settings', () => {
  test('have defaults for all that nobody gave', async () => {
    const { settings, sources } = await load({})

    expect(settings.listen).toBe('0.0.0.0:8081')
    expect(settings.store.retention.maxBytes).toBe(Number.POSITIVE_INFINITY)
    expect(sources.size).toBe(0)
  })

  test('come from the file, over it the environment, over both the flags', async () => {
    await writeFile(
      file,
      'cluster: file\nbrokerName: file\nlisten: file:1\nstore:\n  tailCacheBytes: 2MiB\n',
    )

    const { settings, sources } = await load({
      file,
      env: { COMETMQ_BROKER_NAME: 'env', COMETMQ_LISTEN: 'env:2' },
      flags: [{ path: ['listen'], value: 'flag:3', source: 'flag --listen' }],
    })

    expect(settings).toMatchObject({ cluster: 'file', brokerName: 'env', listen: 'flag:3' })
    expect(settings.store.tailCacheBytes).toBe(2 * 2 ** 20)
    // A section that is given in part keeps the defaults of the rest.
    expect(settings.store.maxPendingBytes).toBe(64 * 2 ** 20)
    expect(Object.fromEntries(sources)).toEqual({
      cluster: `${file}:1`,
      brokerName: 'environment COMETMQ_BROKER_NAME',
      listen: 'flag --listen',
      'store.tailCacheBytes': `${file}:5`,
    })
  })

  // Five mistakes should take one start to find, not five.
  test('tell every mistake of every source at once, with key, source and what is allowed', async () => {
    await writeFile(
      file,
      [
        'lisen: 0.0.0.0:1',
        'autoCreateTopics: maybe',
        'store:',
        '  retention:',
        '    maxAge: 3 days',
        '    maxBytes: 64MiB',
        '  segmentMaxByte: 1MiB',
        'advertise: 0.0.0.0:8081',
      ].join('\n'),
    )

    const mistakes = await mistakesOf({
      file,
      env: { COMETMQ_DRAIN_TIMEOUT: '5', COMETMQ_CLUSTR: 'x' },
      flags: [{ path: ['log', 'level'], value: 'loud', source: 'flag --log-level' }],
    })

    expect(mistakes.toSorted()).toEqual(
      [
        `COMETMQ_CLUSTR  is no setting; did you mean COMETMQ_CLUSTER?  (environment)`,
        `advertise  must be host or host:port that clients can dial, no wildcard such as 0.0.0.0  (${file}:8)`,
        `autoCreateTopics  must be true or false  (${file}:2)`,
        `drainTimeout  must be a duration such as 500ms, 30s, 15m, 72h or 7d, from 0ms to 1d  (environment COMETMQ_DRAIN_TIMEOUT)`,
        `lisen  is no setting; did you mean listen?  (${file}:1)`,
        `log.level  must be one of debug, info, warn, error, silent  (flag --log-level)`,
        `store.retention.maxAge  must be a duration such as 500ms, 30s, 15m, 72h or 7d, from 1s to 3650d, or unlimited  (${file}:5)`,
        `store.retention.maxBytes  must be at least twice store.segmentMaxBytes: whole segments are deleted, never the one in use  (${file}:6)`,
        `store.segmentMaxByte  is no setting; did you mean store.segmentMaxBytes?  (${file}:7)`,
      ].toSorted(),
    )
  })

  test('refuse a value where a section is, and a section where a value is', async () => {
    await writeFile(file, 'store: 5\nlisten:\n  port: 1\n')

    const mistakes = await mistakesOf({ file })

    expect(mistakes).toEqual([
      `listen  must be host:port, such as localhost:9876 or [::1]:9876  (${file}:2)`,
      `store  has settings below it, not a value  (${file}:1)`,
    ])
  })

  // People comment out the last key of a section and leave its title.
  test('take an empty file and an empty section for nothing given', async () => {
    await writeFile(file, 'store:\n#  tailCacheBytes: 1MiB\n')
    expect((await load({ file })).sources.size).toBe(0)

    await writeFile(file, '# nothing yet\n')
    expect((await load({ file })).sources.size).toBe(0)
  })

  test('tell the line where the file is no YAML, and that a file is missing', async () => {
    await writeFile(file, 'listen: a:1\nlisten: b:2\n')
    expect(await mistakesOf({ file })).toEqual([`is no YAML: Map keys must be unique  (${file}:2)`])

    const missing = path.join(folder, 'missing.yaml')
    expect(await mistakesOf({ file: missing })).toEqual([
      `the file cannot be read: ENOENT  (${missing})`,
    ])
  })

  test('take a list of name servers as a list and as one text', async () => {
    await writeFile(file, 'nameserver: [a:1, "b:2"]\n')
    expect((await load({ file })).settings.nameserver).toEqual(['a:1', 'b:2'])

    const env = { COMETMQ_NAMESERVER: 'a:1, b:2' }
    expect((await load({ env })).settings.nameserver).toEqual(['a:1', 'b:2'])
  })

  test('refuse keys that mean something to JavaScript', async () => {
    await writeFile(file, '__proto__:\n  polluted: 1\nconstructor: 1\n')

    const flags = [{ path: ['__proto__', 'cluster'], value: 'x', source: 'flag --set' }]
    expect(await mistakesOf({ file, flags })).toEqual([
      `__proto__  is no setting  (${file}:1)`,
      `constructor  is no setting  (${file}:3)`,
    ])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})

describe('the environment', () => {
  // Kubernetes puts these into every container beside a service called `cometmq`; a broker that
  // refuses to start because of them cannot run there.
  test('may hold what Kubernetes puts there for a service', async () => {
    const env = {
      COMETMQ_PORT: 'tcp://10.0.0.1:9876',
      COMETMQ_PORT_9876_TCP_ADDR: '10.0.0.1',
      COMETMQ_SERVICE_HOST: '10.0.0.1',
      COMETMQ_SERVICE_PORT_GRPC: '9876',
      COMETMQ_BROKER_A_PORT_8081_TCP: 'tcp://10.0.0.2:8081',
    }

    expect((await load({ env })).sources.size).toBe(0)
  })

  test('may hold settings of another daemon, and empty ones', async () => {
    const foreign = async () => settingPaths(nameServerSettings)

    const { sources } = await load({ env: { COMETMQ_WARMUP: '1s', COMETMQ_LISTEN: '' }, foreign })

    expect(sources.size).toBe(0)
  })

  test('has one variable for each setting, and none that Kubernetes could set', () => {
    const names = [...settingPaths(brokerSettings)].map(environmentVariableOf)

    expect(names).toContain('COMETMQ_STORE_RETENTION_MAX_AGE')
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => /_(PORT|SERVICE_HOST)$/.test(name))).toEqual([])
  })
})

function load(from: Partial<Sources>): Promise<LoadedSettings<BrokerSettings>> {
  return loadSettings(brokerSettings, {
    file: undefined,
    env: {},
    flags: [],
    foreign: async () => [],
    ...from,
  })
}

async function mistakesOf(from: Partial<Sources>): Promise<string[]> {
  const error = await load(from).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(ConfigError)
  return error instanceof ConfigError ? error.mistakes.map(mistakeLine) : []
}
