/** Any Standard Schema checks values when they are sent and received: Zod, Valibot, ArkType, or this. */
import { connect } from '@cometmq/client'

const user = {
  '~standard': {
    version: 1,
    vendor: 'example',
    validate: (value: unknown) =>
      typeof value === 'string' ? { value } : { issues: [{ message: 'a user is a text' }] },
  },
} as const

await using comet = await connect({ endpoints: 'localhost:9876' })
const users = comet.topic('users', { schema: user })
await users.send(42 as never).catch((error) => console.log(`${error.code}: ${error.message}`))
