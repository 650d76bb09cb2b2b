/** What `comet topic` and `comet group` do, from code. */
import { connect } from '@cometmq/client'

await using comet = await connect({ endpoints: 'localhost:9876' })
await comet.admin.topics.create('invoices', { queueCount: 4 })
await comet.admin.groups.create('printers', { start: 'earliest', maxAttempts: 3 })

const [topic] = await comet.admin.topics.describe('invoices')
const [group] = await comet.admin.groups.describe('printers')
console.log(`${topic?.queues.length} queues, ${group?.spec?.maxAttempts} attempts`)
