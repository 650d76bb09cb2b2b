/** A group that wants some tags only: the broker sends nothing else. */
import { connect } from '@cometmq/client'

await using comet = await connect({ endpoints: 'localhost:9876' })
const events = comet.topic<number>('events')
for (const [value, tag] of ['info', 'error', 'info', 'fatal'].entries()) {
  await events.send(value, { tag })
}

const seen: string[] = []
for await (const message of events.receive({
  group: 'alarm',
  filter: 'error||fatal',
  from: 'earliest',
})) {
  await message.ack()
  if (seen.push(`${message.tag}`) === 2) break
}
console.log(`saw ${seen.toSorted().join(' and ')}`)
