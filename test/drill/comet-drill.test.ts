import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connect } from '@cometmq/client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { FakeTerminal } from '../../packages/cli/src/fake-terminal.ts'
import { runComet } from '../../packages/cli/src/run-comet.ts'
import { LocalCluster } from '../cluster/local-cluster.ts'
import { hasEtcd } from '../etcd/local-etcd.ts'
import type { DrillReport } from '../../packages/cli/src/drill/report.ts'
import { DrillCluster } from './cluster/drill-cluster.ts'

const QUICK = ['--yes', '--json', '--rate=100', '--duration=0s', '--goal=none']

// What an operator is given: nothing of the cluster is ours but its addresses.
describe('comet drill', { timeout: 120_000 }, () => {
  test('has commands break and mend the master, judges that, and takes its topic away', async () => {
    const folder = await freshFolder()
    await using cluster = await LocalCluster.start({ nameServers: 1, brokers: ['broker-a'] })
    const { pid } = cluster.broker('broker-a')
    const ledger = path.join(folder, 'seen')

    const { exitCode, report, stderr } = await drill(cluster.endpoints, [
      'freeze-master',
      `--fault-command=test {brokerName}/{masterAddress} = broker-a/${cluster.broker('broker-a').address} && kill -STOP ${pid}`,
      `--heal-command=kill -CONT ${pid}`,
      '--down=700ms',
      `--ledger=${ledger}`,
    ])

    expect(report).toMatchObject({ why: [], verdict: 'PASS', lost: 0, members: 1, groups: 1 })
    expect(report.acknowledged).toBeGreaterThan(50)
    expect(report.delivered).toBe(report.acknowledged)
    // It stood still for as long as it was told to.
    expect(report.unavailableMs).toBeGreaterThan(300)
    expect(report.timeline[0]?.steps.map(({ step }) => step)).toEqual(
      expect.arrayContaining(['mended', 'first send acknowledged', 'whole']),
    )
    expect(exitCode).toBe(0)
    expect(stderr).toContain(ledger)
    expect(await readdir(path.join(ledger, 'ledgers'))).toContain('final.jsonl')
    await using comet = await connect({ endpoints: cluster.endpoints })
    expect(await comet.admin.topics.list()).toEqual([])
    expect(await comet.admin.groups.list()).toEqual([])
  })

  // A command that does nothing would make any cluster look good.
  test('fails when the command does, and mends all the same', async () => {
    const folder = await freshFolder()
    await using cluster = await LocalCluster.start({ nameServers: 1, brokers: ['broker-a'] })

    const { exitCode, report } = await drill(cluster.endpoints, [
      'kill-master',
      '--fault-command=echo no such container; exit 3',
      `--heal-command=touch ${folder}/mended`,
    ])

    expect(report.verdict).toBe('FAIL')
    expect(report.why[0]).toContain('ended with code 3: no such container')
    expect(exitCode).toBe(1)
    expect(await readdir(folder)).toEqual(['mended'])
  })

  // Ctrl-C must not leave a cluster broken, nor a topic behind.
  test('mends and cleans up when it is interrupted', async () => {
    const folder = await freshFolder()
    await using cluster = await LocalCluster.start({ nameServers: 1, brokers: ['broker-a'] })
    const terminal = new FakeTerminal()
    const running = runComet(
      [
        'drill',
        'kill-master',
        `--fault-command=touch ${folder}/broken`,
        `--heal-command=touch ${folder}/mended`,
        '--down=1h',
        `--ledger=${await freshFolder()}`,
        '-n',
        cluster.endpoints.join(),
        ...QUICK,
      ],
      terminal,
    )
    await expect.poll(() => readdir(folder), { timeout: 30_000 }).toEqual(['broken'])

    terminal.interrupt()

    expect(await running).toBe(1)
    expect(terminal.stderr).toContain('"message":"interrupted"')
    expect(await readdir(folder)).toEqual(['broken', 'mended'])
    await using comet = await connect({ endpoints: cluster.endpoints })
    expect(await comet.admin.topics.list()).toEqual([])
  })

  test('tells a person what to do, and when', async () => {
    await using cluster = await LocalCluster.start({ nameServers: 1, brokers: ['broker-a'] })
    const terminal = new FakeTerminal({ isTTY: true, input: '\n' })
    const ledger = `--ledger=${await freshFolder()}`
    const args = ['kill-master', '--manual', '--down=0s', ledger, '-n', cluster.endpoints.join()]

    const exitCode = await runComet(['drill', ...args, ...QUICK], terminal)

    const { address } = cluster.broker('broker-a')
    const asked = `now kill the master of broker-a (member 0, ${address}), then press Enter: `
    expect(terminal.stderr).toContain(asked)
    expect(terminal.stderr).toContain('now start it again, then press Enter: ')
    expect(JSON.parse(terminal.stdout)).toMatchObject({ verdict: 'PASS' })
    expect(exitCode).toBe(0)
  })

  test.skipIf(!hasEtcd)(
    'asks the cluster itself to hand over, and sees who is elected (takes a program named etcd)',
    async () => {
      const directory = await freshFolder()
      await using cluster = await DrillCluster.start({
        shape: { groups: 1, members: 2 },
        fittings: [],
        directory,
        onObservation: () => {},
      })

      const { exitCode, report } = await drill(cluster.endpoints, ['hand-over', '--faults=2'])

      expect(report).toMatchObject({ why: [], verdict: 'PASS', lost: 0, members: 2 })
      expect(report.timeline).toHaveLength(2)
      for (const { steps } of report.timeline) {
        expect(steps.map(({ step }) => step)).toEqual(
          expect.arrayContaining(['elected', 'route seen', 'first send acknowledged', 'whole']),
        )
      }
      expect(exitCode).toBe(0)
    },
  )
})

describe('comet drill refuses', () => {
  test.each([
    [['kill-mastre'], "there is no drill 'kill-mastre'; did you mean kill-master?"],
    [['kill-master'], 'kill-master is not in the power of this command; give --fault-command'],
    [['kill-master', '--manual'], '--manual needs a terminal'],
    [['hand-over', '--heal-command=true'], '--heal-command needs a --fault-command'],
    [['kill-master', '--fault-command=true', '--manual'], 'exclude each other'],
  ])('%j before it touches anything', async (args, message) => {
    const terminal = new FakeTerminal()

    const exitCode = await runComet(['drill', ...args, '-n', '127.0.0.1:1'], terminal)

    expect(exitCode).toBe(2)
    expect(terminal.stderr).toContain(message)
  })

  test('a group without slaves, a group that is not there, and to go on unasked', async () => {
    await using cluster = await LocalCluster.start({ nameServers: 1, brokers: ['broker-a'] })
    const refusal = async (...args: string[]): Promise<string> => {
      const terminal = new FakeTerminal()
      const exitCode = await runComet(
        ['drill', ...args, '-n', cluster.endpoints[0] ?? ''],
        terminal,
      )
      return `${exitCode} ${terminal.stderr}`
    }

    expect(await refusal('hand-over')).toContain('7 comet: hand-over: broker-a has no slaves')
    expect(await refusal('kill-master', '--broker=b', '--fault-command=true')).toContain(
      '3 comet: no broker "b" is registered; there are: broker-a',
    )
    expect(await refusal('kill-master', '--fault-command=kill {slave}')).toContain(
      '7 comet: {slave}: broker-a has no slave',
    )
    expect(await refusal('kill-master', '--fault-command=true')).toMatch(
      /7 comet: this would put load on the cluster .* and run: true; add --yes/,
    )
  })
})

async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'comet-drill-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function drill(
  endpoints: readonly string[],
  args: readonly string[],
): Promise<{ exitCode: number; report: DrillReport; stderr: string }> {
  const terminal = new FakeTerminal()
  // What is said last counts.
  const ledger = `--ledger=${await freshFolder()}`
  const line = ['drill', ledger, ...args, ...QUICK, '-n', endpoints.join()]
  const exitCode = await runComet(line, terminal)
  const { stdout, stderr } = terminal
  expect(stdout, stderr).not.toBe('')
  return { exitCode, report: JSON.parse(stdout) as DrillReport, stderr }
}
