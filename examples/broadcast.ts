/** Every instance gets every message: a reader each, with a position of its own. */
import { connect } from '@cometmq/client'

await using comet = await connect({ endpoints: 'localhost:9876' })
const settings = comet.topic<string>('settings')
await settings.send('dark mode')

for (const instance of ['web-1', 'web-2']) {
  await using reader = settings.reader({ from: 'earliest', name: instance })
  const { value } = await reader.next()
  await reader.commit()
  console.log(`${instance} read ${value?.body}`)
}
