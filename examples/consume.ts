/** Consumes as a member of a group: returning acknowledges. */
import { connect } from '@cometmq/client'

await using comet = await connect({ endpoints: 'localhost:9876' })
const greetings = comet.topic<string>('greetings')
await greetings.send('hello')

const received = Promise.withResolvers<string>()
await using _consumer = greetings.consume({ group: 'readers', from: 'earliest' }, (text) =>
  received.resolve(text),
)
console.log(`received ${await received.promise}`)
