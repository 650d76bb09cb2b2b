/**
 * One member of the quickstart's consumer group, a process of its own: writes each line down, then
 * acknowledges its message. Ends after a drain when told so, or at once when killed.
 */
import { openSync } from 'node:fs'
import process from 'node:process'
import { bytes, connect } from '@cometmq/client'
import { appendToSpool } from './spool.ts'

const [endpoints = '', spoolPath = ''] = process.argv.slice(2)
const spool = openSync(spoolPath, 'a')
let received = 0
let redelivered = 0

const comet = await connect({ endpoints })
const lines = comet.topic('quickstart-lines', { codec: bytes() })
const consumer = lines.consume({ group: 'quickstart', from: 'earliest' }, (body, message) => {
  appendToSpool(spool, {
    messageId: message.id,
    file: message.properties['file'] ?? '',
    line: Number(message.properties['line']),
    attempt: message.attempt,
    bytes: Buffer.from(body),
  })
  received++
  if (message.attempt > 1) redelivered++
})

process.on('message', (command) => {
  if (command === 'report') process.send?.({ kind: 'report', received, redelivered })
  if (command === 'drain') void drain()
})
process.on('disconnect', () => process.exit(1))
process.send?.({ kind: 'ready' })

async function drain(): Promise<void> {
  await consumer.drain()
  await comet.close()
  process.send?.({ kind: 'drained', received, redelivered }, () => process.exit(0))
}
