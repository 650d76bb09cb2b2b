/** Ends in order on SIGTERM: handlers finish, everything sent is stored, then the process ends. */
import process from 'node:process'
import { connect } from '@cometmq/client'

const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())

await using comet = await connect({ endpoints: 'localhost:9876' })
const tasks = comet.topic<string>('tasks')
const consumer = tasks.consume({ group: 'crew', signal: stop.signal }, () => {})

await consumer.ready()
process.kill(process.pid, 'SIGTERM') // What an orchestrator does.
await consumer.done
console.log('drained')
