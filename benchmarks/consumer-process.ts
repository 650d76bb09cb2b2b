/** Consumes a topic from its start to the n-th message and tells its parent the rate. */
import process from 'node:process'
import { bytes, connect } from '@cometmq/client'
import { consumeAll } from './load.ts'

const [endpoints = '', name = '', messages = '0'] = process.argv.slice(2)
const comet = await connect({ endpoints })
const topic = comet.topic(name, { codec: bytes() })
process.send?.(await consumeAll(topic, { group: `${name}-elsewhere`, messages: Number(messages) }))
await comet.close()
process.disconnect()
