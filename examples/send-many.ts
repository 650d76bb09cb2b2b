/** Sends an array: one promise for all, a few batches on the wire. */
import { connect } from '@cometmq/client'

await using comet = await connect({ endpoints: 'localhost:9876' })
const readings = comet.topic<{ sensor: string; value: number }>('readings')

const values = Array.from({ length: 10_000 }, (_, i) => ({ sensor: `s${i % 5}`, value: i }))
const receipts = await readings.sendMany(values, { each: ({ sensor }) => ({ key: sensor }) })
console.log(`stored ${receipts.length} messages`)
