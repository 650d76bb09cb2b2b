/** A disk that fills up while a broker serves: small and real, in memory. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { bytes } from '@cometmq/client'
import { publishMethod, errorCodeOfId } from '@cometmq/protocol'
import { afterAll, describe, expect, test } from 'vitest'
import { backlogOf } from '../cluster/backlog.ts'
import { LocalCluster } from '../cluster/local-cluster.ts'
import { run } from './cli/comet-process.ts'
import { batchOf } from './forged-batch.ts'
import { RawClient } from './raw-client.ts'
import { Witness } from './witness.ts'

const MIB = 2 ** 20
const DISK_BYTES = 48 * MIB
const BROKER = 'broker-a'

const mounted: string[] = []
afterAll(() => {
  for (const folder of mounted) {
    execFileSync('umount', [folder])
    rmSync(folder, { recursive: true })
  }
})

/** A new disk of that size, or why there is none. */
function mountDisk(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined
  const folder = mkdtempSync(path.join(tmpdir(), 'cometmq-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', folder], { stdio: 'pipe' })
    mounted.push(folder)
    return folder
  } catch {
    rmSync(folder, { recursive: true })
    return undefined
  }
}
test('explore', async () => {
 for (const floor of ['2MiB', '0']) {
  const disk = mountDisk()!
  await using cluster = await LocalCluster.start({ nameServers: 1, brokers: [BROKER], brokerArgs: ['--data', disk + '/data', '--set', 'store.segmentMaxBytes=8MiB', '--set', `store.minFreeBytes=${floor === '0' ? 0 : '12MiB'}`, '--set', `store.hardFreeBytes=${floor}`] })
  await using witness = await Witness.start(cluster.endpoints)
  const { comet } = witness
  await comet.admin.topics.create('fill', { queueCount: 1 })
  await comet.admin.groups.create('g', { start: 'earliest' })
  const topic = comet.topic('fill', { codec: bytes() })
  const filler = await open(disk + '/filler', 'w'); await filler.writeFile(Buffer.alloc(10 * MIB)); await filler.close()
  const abort = new AbortController()
  const r = topic.receive({ group: 'g', signal: abort.signal })
  await r.ready()
  let stored = 0
  let failure: any
  for (let i = 0; i < 100 && !failure; i++) await topic.send(Buffer.alloc(MIB, i), { timeout: '500ms' }).then(() => stored++, (e) => (failure = e))
  const free = () => statfsSync(disk).bavail * statfsSync(disk).bsize / MIB
  console.log(floor, stored, failure?.code, failure?.message, free())
  console.log(execFileSync('sh', ['-c', `du -a ${disk}`]).toString())
  let got = 0
  const t0 = Date.now()
  for await (const m of r) { await m.ack(); if (++got === stored) break }
  console.log('consumed', got, 'backlog', await backlogOf(comet, 'g').catch((e) => e), Date.now() - t0, free())
  await rm(disk + '/filler')
  for (let i = 0; i < 40; i++) { const ok = await topic.send(Buffer.alloc(10), { timeout: '1s' }).then(() => true, (e) => { console.log(e.code, e.message); return false }); if (ok) break }
  console.log('again', cluster.broker(BROKER).isRunning, cluster.broker(BROKER).exitCode)
  console.log((await (await import('node:fs/promises')).readFile(cluster.directory + '/broker-a.log', 'utf8')).split('\n').slice(-9).join('\n'))
  await cluster.broker(BROKER).stop('SIGTERM')
  console.log(await run(['store', 'verify', disk + '/data']))
 }
}, 60000)
