/** Looks at what a group gave up on, and sends it again. */
import { connect, Reject } from '@cometmq/client'

await using comet = await connect({ endpoints: 'localhost:9876' })
const mails = comet.topic<string>('mails')
await mails.send('to: nobody')

const rejected = Promise.withResolvers<void>()
await using consumer = mails.consume({ group: 'mailer', from: 'earliest' }, () => {
  rejected.resolve()
  throw new Reject('no such address')
})
await rejected.promise
await consumer.drain()
const [letter] = await comet.admin.deadLetters.list('mailer')
const { messages } = await comet.admin.deadLetters.redrive('mailer')
console.log(`${letter?.reason}; ${messages} sent again`)
