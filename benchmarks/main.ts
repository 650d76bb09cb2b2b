/**
 * npm run bench [-- <workload…>] [--json FILE] [--scale F]
 *
 * Every workload runs against a fresh broker in a process of its own, with the floor beside it in
 * the same run. Absolute figures drift with the machine; the ratio is what to quote.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { connect } from '@cometmq/client'
import { LocalCluster } from '../test/cluster/local-cluster.ts'
import { Floor } from './floor.ts'
import type { BenchmarkResult, Measured, Workload } from './workload.ts'
import { backlog, consume, endToEnd } from './workloads-consume.ts'
import { manyTopics, publish, serial } from './workloads-publish.ts'
import { catchUp, replicated } from './workloads-replication.ts'
import { manyQueues, restart } from './workloads-restart.ts'
import { v2 } from './workloads-v2.ts'

const workloads: readonly Workload[] = [
  publish,
  serial,
  consume,
  endToEnd,
  manyTopics,
  manyQueues,
  restart,
  v2,
  replicated,
  backlog,
  catchUp,
]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    scale: { type: 'string', default: '1' },
    help: { type: 'boolean', short: 'h' },
  },
})
const chosen = chooseWorkloads(positionals)
if (values.help === true || chosen === undefined) {
  const list = workloads.map(
    ({ name, about, isLong }) => `  ${name.padEnd(14)}${about}${isLong ? ' (long)' : ''}`,
  )
  process.stdout.write(
    `npm run bench [-- <workload…> | all] [--json FILE] [--scale F]\n\nWithout names, all but the long ones:\n${list.join('\n')}\n`,
  )
  process.exit(values.help === true ? 0 : 2)
}

const results: BenchmarkResult[] = []
for (const workload of chosen) {
  process.stderr.write(`${workload.name}: ${workload.about}\n`)
  await using cluster = await LocalCluster.start({ nameServers: 1, brokers: ['broker-a'] })
  const floorDirectory = path.join(cluster.directory, 'floor')
  await mkdir(floorDirectory)
  await using floor = await Floor.start(floorDirectory)
  await using comet = await connect({ endpoints: cluster.endpoints })
  for (const result of await workload.run({ cluster, comet, floor, scale: Number(values.scale) })) {
    results.push(result)
    process.stdout.write(`${lineOf(result)}\n`)
  }
}
if (values.json !== undefined) {
  const report = { node: process.version, cores: availableParallelism(), results }
  await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`)
}

function chooseWorkloads(names: readonly string[]): readonly Workload[] | undefined {
  if (names.includes('all')) return workloads
  if (names.length === 0) return workloads.filter(({ isLong }) => isLong !== true)
  const found = names.map((name) => workloads.find((workload) => workload.name === name))
  return found.every((workload) => workload !== undefined) ? found : undefined
}

function lineOf(result: BenchmarkResult): string {
  const floor = result.floor === undefined ? '' : `   floor ${figuresOf(result.floor)}`
  const ratio = result.ratio === undefined ? '' : `   ratio ${result.ratio.toFixed(2)}`
  const title = `${result.workload} ${result.bytes} B`
  return `${title.padEnd(32)}${figuresOf(result)}${floor}${ratio}   aim ${result.aim}`
}

function figuresOf(measured: Measured): string {
  const figures: string[] = []
  const { messagesPerSecond, megabytesPerSecond, p50Ms, p99Ms, residentMegabytes, readyMs } =
    measured
  if (messagesPerSecond !== undefined) figures.push(`${Math.round(messagesPerSecond)} msg/s`)
  if (megabytesPerSecond !== undefined) figures.push(`${megabytesPerSecond.toFixed(1)} MB/s`)
  if (p50Ms !== undefined) figures.push(`p50 ${p50Ms.toFixed(2)} ms`)
  if (p99Ms !== undefined) figures.push(`p99 ${p99Ms.toFixed(2)} ms`)
  if (residentMegabytes !== undefined) figures.push(`${Math.round(residentMegabytes)} MB resident`)
  if (readyMs !== undefined) figures.push(`ready after ${Math.round(readyMs)} ms`)
  return figures.join(', ')
}
