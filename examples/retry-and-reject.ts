/** Throwing sends a message back: later, or to the dead letters. */
import { connect, Reject, RetryLater } from '@cometmq/client'

await using comet = await connect({ endpoints: 'localhost:9876' })
const payments = comet.topic<{ amount: number }>('payments')
await payments.sendMany([{ amount: 10 }, { amount: -1 }])

const paid = Promise.withResolvers<number>()
await using _consumer = payments.consume(
  { group: 'bank', from: 'earliest' },
  (payment, message) => {
    if (payment.amount < 0) throw new Reject('a payment cannot be negative')
    if (message.attempt === 1) throw new RetryLater('200ms', 'the bank is busy')
    paid.resolve(message.attempt)
  },
)
console.log(`paid at attempt ${await paid.promise}`)
