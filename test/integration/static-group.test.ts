import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Daemon } from '../cluster/daemon.ts'
import { quietPorts } from '../cluster/quiet-ports.ts'
import { hasEtcd, LocalEtcd } from '../etcd/local-etcd.ts'
import { type Finished, run } from './cli/comet-process.ts'

const NAME = 'broker-a'
const LONG_MS = 120_000

interface Member {
  readonly memberId: number
  readonly role: string
  readonly inSync: boolean
}

/** Three members whose roles are configured, without etcd, as an operator has them. */
describe('an operator of a broker group with configured roles', { timeout: LONG_MS }, () => {
  const parts = new AsyncDisposableStack()
  const daemons = new Map<number, Daemon>()
  let directory = ''
  let members: readonly string[] = []
  let nameServer: Daemon

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'comet-static-'))
    parts.defer(() => rm(directory, { recursive: true, force: true }))
    members = (await quietPorts(3)).map((port) => `127.0.0.1:${port}`)
    const args = ['nameserver', '--listen=127.0.0.1:0']
    nameServer = await Daemon.start({ name: 'name-server', args, logDirectory: directory })
    parts.defer(() => nameServer.stop('SIGKILL'))
    parts.defer(async () => {
      await Promise.all([...daemons.values()].map((each) => each.stop('SIGKILL')))
    })
    await Promise.all([1, 2, 3].map((id) => start(id)))
    await isHealthy()
  }, LONG_MS)
  afterAll(() => parts.disposeAsync())

  test('has the master that the configuration names', async () => {
    expect(await masterOf()).toBe(1)
    expect(await comet('broker', 'hand-over', NAME)).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('comet broker promote'),
    })
  })

  // Nobody else is master before an operator says so, and he has to know what he says.
  test('promotes a slave of a master that is gone, without a loss', async () => {
    await comet('topic', 'create', 'orders', '--queues=1')
    for (const body of ['one', 'two', 'three']) await comet('msg', 'send', 'orders', body)
    const before = await epochOf()
    await member(1).stop('SIGKILL')

    const refused = await promote(2)
    const promoted = await promote(2, '--old-master-is-dead', '--json')
    const found = await bodies(3)

    expect(refused).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('--old-master-is-dead'),
    })
    expect(promoted).toMatchObject({ exitCode: 0, stderr: '' })
    // A million beyond all that a master which does not answer may have begun; then it begins its own.
    const epoch = before + 1 + 1_000_000 + 1
    expect(JSON.parse(promoted.stdout)).toMatchObject({ master: 2, epoch })
    expect(found).toEqual(['one', 'two', 'three'])
  })

  // Whatever its configuration says: two masters of one group would be two histories.
  test('gets the old master back as a slave, and makes it master again when it is wanted', async () => {
    await start(1, '-back')
    await isHealthy()
    const roles = await rolesOf()
    await comet('msg', 'send', 'orders', 'four')

    const promoted = await promote(1)

    expect(roles).toEqual({ 1: 'following', 2: 'master', 3: 'following' })
    expect(promoted).toMatchObject({ exitCode: 0, stderr: '' })
    await isHealthy()
    expect(await rolesOf()).toEqual({ 1: 'master', 2: 'following', 3: 'following' })
    expect(await bodies(4)).toEqual(['one', 'two', 'three', 'four'])
  })

  test('has the same master after all of them have been away', async () => {
    await Promise.all([1, 2, 3].map((id) => member(id).stop('SIGKILL')))
    await Promise.all([1, 2, 3].map((id) => start(id, '-again')))
    await isHealthy()

    expect(await masterOf()).toBe(1)
    expect(await bodies(4)).toEqual(['one', 'two', 'three', 'four'])
  })

  // Members come one by one from one keeper of roles to the other, and no message stays behind.
  test.skipIf(!hasEtcd)(
    'gets etcd, and from then on elects (takes a program named etcd)',
    async () => {
      const etcd = parts.use(await LocalEtcd.start(1))
      const endpoints = etcd.endpoints.join(',')
      const adopt = () => comet('broker', 'adopt', NAME, `--etcd=${endpoints}`, '--yes')
      const adopted = await adopt()
      for (const id of [2, 3, 1]) {
        await member(id).stop('SIGTERM')
        await start(id, '-etcd', endpoints)
      }
      await isHealthy()

      const tooLate = await adopt()
      await member(await masterOf()).stop('SIGKILL')
      await masterOf()
      const found = await bodies(4)

      expect(adopted).toMatchObject({ exitCode: 0, stderr: '' })
      expect(tooLate).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('NOT_ALLOWED') })
      expect(found).toEqual(['one', 'two', 'three', 'four'])
    },
  )

  async function start(id: number, again = '', etcd?: string): Promise<void> {
    daemons.set(
      id,
      await Daemon.start({
        name: `${NAME}-${id}${again}`,
        logDirectory: directory,
        args: [
          'broker',
          `--name=${NAME}`,
          '--listen=127.0.0.1:0',
          `--data=${path.join(directory, String(id))}`,
          `--nameserver=${nameServer.address}`,
          etcd === undefined
            ? `--set=replication.static.members=${members.join(',')}`
            : `--set=replication.etcd.endpoints=${etcd}`,
          `--set=replication.listen=${members[id - 1]}`,
          `--set=replication.memberId=${id}`,
          '--set=http.listen=127.0.0.1:0',
        ],
      }),
    )
  }

  function member(id: number): Daemon {
    const daemon = daemons.get(id)
    if (daemon === undefined) throw new Error(`there is no member ${id}`)
    return daemon
  }

  function comet(...args: readonly string[]): Promise<Finished> {
    return run([...args, '-n', nameServer.address])
  }

  function promote(id: number, ...more: readonly string[]): Promise<Finished> {
    return comet('broker', 'promote', NAME, `--to=${id}`, '--yes', '--timeout=60s', ...more)
  }

  async function bodies(count: number): Promise<string[]> {
    const max = `--max=${count}`
    const { stdout } = await comet('msg', 'tail', 'orders', '--from=earliest', max, '--json')
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line).body)
  }

  async function isHealthy(): Promise<void> {
    expect(await comet('cluster', 'health', '--wait', '--timeout=60s')).toMatchObject({
      exitCode: 0,
    })
  }

  async function replicas(): Promise<readonly Member[]> {
    for (;;) {
      const { exitCode, stdout } = await comet('broker', 'replicas', NAME, '--json')
      if (exitCode === 0) return JSON.parse(stdout).groups[0].replicas
    }
  }

  async function epochOf(): Promise<number> {
    const { stdout } = await comet('broker', 'replicas', NAME, '--json')
    return JSON.parse(stdout).groups[0].epoch
  }

  async function rolesOf(): Promise<Record<number, string>> {
    return Object.fromEntries((await replicas()).map(({ memberId, role }) => [memberId, role]))
  }

  async function masterOf(): Promise<number> {
    for (;;) {
      const master = (await replicas()).find(({ role }) => role === 'master')
      if (master !== undefined) return master.memberId
    }
  }
})
