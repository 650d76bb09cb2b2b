/** Consumes many messages per call: for high rates, and for inserting rows in bulk. */
import { connect } from '@cometmq/client'

await using comet = await connect({ endpoints: 'localhost:9876' })
const clicks = comet.topic<{ page: string }>('clicks')
await clicks.sendMany(Array.from({ length: 1_000 }, () => ({ page: '/' })))

let count = 0
const all = Promise.withResolvers<void>()
await using _consumer = clicks.consumeBatches({ group: 'stats', from: 'earliest' }, (messages) => {
  count += messages.length
  if (count === 1_000) all.resolve()
})
await all.promise
console.log(`counted ${count} clicks`)
