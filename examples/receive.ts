/** A loop that settles each message itself. */
import { connect } from '@cometmq/client'

await using comet = await connect({ endpoints: 'localhost:9876' })
const jobs = comet.topic<{ minutes: number }>('jobs')
await jobs.sendMany([{ minutes: 1 }, { minutes: 30 }])

let done = 0
for await (const message of jobs.receive({ group: 'workers', from: 'earliest' })) {
  if (message.body.minutes > 10) await message.extend('30m')
  await message.ack()
  if (++done === 2) break
}
console.log(`did ${done} jobs`)
