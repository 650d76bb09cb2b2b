/** Sends one message; the receipt says where it is stored. */
import { connect } from '@cometmq/client'

await using comet = await connect({ endpoints: 'localhost:9876' })
const orders = comet.topic<{ id: number; total: number }>('orders')

const receipt = await orders.send({ id: 7, total: 42 }, { tag: 'new', keys: ['7'] })
console.log(`stored as ${receipt.brokerName}/${receipt.queueId}/${receipt.queueOffset}`)
