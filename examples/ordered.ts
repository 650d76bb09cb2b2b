/** Messages of one key share a queue and keep their order there. */
import { connect } from '@cometmq/client'

await using comet = await connect({ endpoints: 'localhost:9876' })
const steps = comet.topic<string>('steps')

const receipts = await Promise.all(
  ['created', 'paid', 'shipped'].map((step) => steps.send(step, { key: 'order-7' })),
)
const queues = new Set(receipts.map(({ brokerName, queueId }) => `${brokerName}/${queueId}`))
console.log(`${receipts.length} steps in ${queues.size} queue`)
