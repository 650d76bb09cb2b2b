/**
 * One process of the load: `producer` or `consumer`, what it is to do as JSON in the next argument.
 * Tells how far it is every now and then; ends in order when it is told to.
 */
import process from 'node:process'
import { connect } from '@cometmq/client'
import { silentLogger } from '@cometmq/runtime'
import { Ledger } from '../ledger.ts'
import { consume } from './consumer.ts'
import type { LoadCommand, LoadProgress, LoadTask } from './load-task.ts'
import { produce } from './producer.ts'

const REPORT_MS = 50

const task = JSON.parse(process.argv[2] ?? '') as LoadTask
const stop = new AbortController()
const progress: LoadProgress = { acknowledged: {}, delivered: 0, redelivered: 0, failed: 0 }

process.on('message', (command: LoadCommand) => {
  if (command === 'stop') stop.abort()
})
process.on('disconnect', () => process.exit(1))
// Ctrl-C reaches the whole process group; who leads it decides when this process ends.
process.on('SIGINT', () => {})

using ledger = new Ledger(task.ledger)
const comets = await Promise.all(
  Array.from({ length: task.clients }, () =>
    connect({ endpoints: task.endpoints, log: silentLogger }),
  ),
)
process.send?.(progress)
const reporting = setInterval(() => process.send?.(progress), REPORT_MS)
const { signal } = stop
await Promise.all(
  comets.map(async (comet, index) => {
    const work = { task, comet, index, ledger, progress, signal }
    if (task.role === 'producer') await produce({ ...work, task })
    else await consume({ ...work, task })
    await comet.close()
  }),
)
clearInterval(reporting)
process.send?.(progress, () => process.exit(0))
