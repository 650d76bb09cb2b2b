import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Daemon } from '../cluster/daemon.ts'
import { hasEtcd, LocalEtcd } from '../etcd/local-etcd.ts'
import { type Finished, run } from './cli/comet-process.ts'

const NAME = 'broker-a'
const LONG_MS = 120_000

interface Member {
  readonly memberId: number
  readonly role: string
  readonly inSync: boolean
}

/** A broker group of three as an operator has it: one name server, one etcd, three brokers. */
describe.skipIf(!hasEtcd)(
  'an operator of a broker group (takes a program named etcd)',
  { timeout: LONG_MS },
  () => {
    const parts = new AsyncDisposableStack()
    const daemons: Daemon[] = []
    let directory = ''
    let etcd: LocalEtcd
    let nameServer: Daemon

    beforeAll(async () => {
      directory = await mkdtemp(path.join(tmpdir(), 'comet-group-'))
      parts.defer(() => rm(directory, { recursive: true, force: true }))
      etcd = parts.use(await LocalEtcd.start(1))
      const args = ['nameserver', '--listen=127.0.0.1:0']
      nameServer = await Daemon.start({ name: 'name-server', args, logDirectory: directory })
      parts.defer(() => nameServer.stop('SIGKILL'))
      for (const index of [0, 1, 2]) daemons[index] = await start(index)
      parts.defer(async () => void (await Promise.all(daemons.map((each) => each.stop('SIGKILL')))))
      await isHealthy()
    }, LONG_MS)
    afterAll(() => parts.disposeAsync())

    test('sees every member, moves the master, and sees why', async () => {
      const before = await masterOf()
      const to = (await replicas()).find(({ role }) => role === 'following')?.memberId ?? 0

      const moved = await comet('broker', 'hand-over', NAME, `--to=${to}`, '--json')
      const again = await comet('broker', 'hand-over', NAME, `--to=${to}`)
      const epochs = await comet('broker', 'epochs', NAME, '--json')

      expect(moved.exitCode).toBe(0)
      expect(JSON.parse(moved.stdout)).toMatchObject({ master: to, epoch: 2 })
      expect(again).toMatchObject({ exitCode: 7, stderr: expect.stringContaining('MEMBER_UNFIT') })
      expect(JSON.parse(epochs.stdout)).toMatchObject({
        epochs: [
          { epoch: 1, master: before, reason: 'bootstrap' },
          { epoch: 2, master: to, reason: 'hand-over' },
        ],
      })
    })

    // Whoever restarts brokers one by one asks before each of them.
    test('is told when a member must not be stopped, and what is wrong', async () => {
      await isHealthy()
      const master = daemonOf(await masterOf())
      expect((await ask(master, '/safe-to-stop')).status).toBe(200)
      const [slave] = await slaves()
      await daemonOf(slave).stop('SIGKILL')
      while ((await comet('cluster', 'health')).exitCode === 0);

      const health = await comet('cluster', 'health')
      const safe = await ask(master, '/safe-to-stop')
      const metrics = await (await ask(master, '/metrics')).text()

      expect(health).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining('2 of 3 members'),
      })
      expect(safe.status).toBe(503)
      expect(metrics).toContain('cometmq_in_sync_members 2\n')
      expect(metrics).toMatch(/^cometmq_in_sync_changes_total{reason="\w+"} [1-9]/m)
    })

    // Of all that an operator can do, this alone may lose messages: it has to be the last resort.
    test('ends an outage in which nobody in sync is left, and no sooner', async () => {
      const others = (await replicas()).filter(({ inSync }) => inSync)
      const outsider = (await replicas()).find(({ inSync }) => !inSync)?.memberId ?? 0
      const elect = () => comet('broker', 'elect', NAME, `--to=${outsider}`, '--accept-loss')
      const tooSoon = await elect()
      await Promise.all(others.map(({ memberId }) => daemonOf(memberId).stop('SIGKILL')))
      daemons[outsider - 1] = await start(outsider - 1, '-again')

      // The dead hold their leases for a while, and may be masters for all that anybody knows.
      let elected = await elect()
      while (elected.exitCode !== 0 && !(await isMaster(outsider))) elected = await elect()

      expect(tooSoon).toMatchObject({
        exitCode: 7,
        stderr: expect.stringContaining('BROKER_ACTIVE'),
      })
      expect(await masterOf()).toBe(outsider)
      expect((await replicas()).filter(({ role }) => role === 'master')).toHaveLength(1)
    })

    test('forgets a member for good that will not come back', async () => {
      const master = await masterOf()
      const gone = (await replicas()).find(({ role }) => role === '')?.memberId ?? 0
      const forget = (id: number) => comet('broker', 'forget', NAME, `--id=${id}`, '--yes')

      const refused = await forget(master)
      let forgotten = await forget(gone)
      while (forgotten.exitCode !== 0) forgotten = await forget(gone)

      expect(refused.exitCode).toBe(7)
      expect((await replicas()).map(({ memberId }) => memberId)).not.toContain(gone)
      expect((await forget(gone)).exitCode).toBe(3)
    })

    function start(index: number, again = ''): Promise<Daemon> {
      return Daemon.start({
        name: `${NAME}-${index}${again}`,
        logDirectory: directory,
        args: [
          'broker',
          `--name=${NAME}`,
          '--listen=127.0.0.1:0',
          `--data=${path.join(directory, String(index))}`,
          `--nameserver=${nameServer.address}`,
          `--set=replication.etcd.endpoints=${etcd.endpoints.join(',')}`,
          '--set=replication.listen=127.0.0.1:0',
          `--set=replication.memberId=${index + 1}`,
          '--set=http.listen=127.0.0.1:0',
        ],
      })
    }

    function comet(...args: readonly string[]): Promise<Finished> {
      return run([...args, '-n', nameServer.address])
    }

    async function isHealthy(): Promise<void> {
      expect(await comet('cluster', 'health', '--wait', '--timeout=60s')).toMatchObject({
        exitCode: 0,
      })
    }

    async function replicas(): Promise<readonly Member[]> {
      for (;;) {
        const { exitCode, stdout } = await comet('broker', 'replicas', NAME, '--json')
        // Name servers may not have heard of anybody for a moment.
        if (exitCode === 0) return JSON.parse(stdout).groups[0].replicas
      }
    }

    async function masterOf(): Promise<number> {
      for (;;) {
        const master = (await replicas()).find(({ role }) => role === 'master')
        if (master !== undefined) return master.memberId
      }
    }

    async function isMaster(id: number): Promise<boolean> {
      return (await replicas()).some(({ memberId, role }) => memberId === id && role === 'master')
    }

    async function slaves(): Promise<number[]> {
      const following = (await replicas()).filter(({ role }) => role === 'following')
      return following.map(({ memberId }) => memberId)
    }

    function daemonOf(memberId: number | undefined): Daemon {
      const daemon = daemons[(memberId ?? 0) - 1]
      if (daemon === undefined) throw new Error(`there is no member ${memberId}`)
      return daemon
    }

    async function ask(daemon: Daemon, url: string): Promise<Response> {
      const { address } = await daemon.said('health and metrics are served')
      return fetch(`http://${String(address)}${url}`)
    }
  },
)
