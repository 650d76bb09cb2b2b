import { type Duties, GroupMember } from '@cometmq/replication'
import type { ReplicatedLog } from '@cometmq/store'
import { Mastership } from '../../../packages/broker/src/master/mastership.ts'
import { ReplicatedLog as LogClass } from '../../../packages/store/src/replication/replicated-log.ts'
import { replaced } from './broken-stores.ts'

/** What a broker does about its reigns, left out as in `brokenStores`. */
export const brokenBrokers: Readonly<Record<string, () => () => void>> = {
  'delivery starts when what earlier masters left is confirmed': () => {
    const dutiesOf = new WeakMap<ReplicatedLog, Duties>()
    const mend = [
      replaced(
        GroupMember,
        'open',
        (open) =>
          function (this: typeof GroupMember, ports, options) {
            dutiesOf.set(ports.store.log, ports.duties)
            return open.call(this, ports, options)
          },
      ),
      replaced(
        LogClass.prototype,
        'lead',
        (lead) =>
          async function (this: ReplicatedLog, reign) {
            const opened = await lead.call(this, reign)
            dutiesOf.get(this)?.begin()
            return opened
          },
      ),
    ]
    return () => {
      for (const undo of mend) undo()
    }
  },
  'the duties of a reign end with it': () =>
    replaced(Mastership.prototype, 'end', () => () => Promise.resolve()),
}
