/** Reads a topic from its start to what is its end now, apart from all groups. */
import { connect } from '@cometmq/client'

await using comet = await connect({ endpoints: 'localhost:9876' })
const ledger = comet.topic<number>('ledger')
await ledger.sendMany([10, 20, 12])

let sum = 0
const reader = ledger.reader({ from: 'earliest', untilEnd: true })
for await (const { body } of reader) sum += body
console.log(`${sum} after ${Object.values(reader.positions).reduce((a, b) => a + b, 0)} messages`)
