import { CometError } from '@cometmq/protocol'
import type { MessageStore } from '@cometmq/store'
import type { MemberFile } from '../actions.ts'
import type { LogState } from '../log-state.ts'
import { STATIC_ELECTOR_ID } from '../static/static-elector.ts'

/** What a member's log is, in numbers. */
export function logStateOf({ log }: Pick<MessageStore, 'log'>): LogState {
  const { min, max, flushed, confirm } = log.offsets
  return {
    history: log.epochs,
    minOffset: min,
    maxOffset: max,
    flushedOffset: flushed,
    confirmOffset: confirm,
  }
}

/**
 * Who this process is: one incarnation after the one that held the folder before, trusted as long as
 * its log still holds all that it had noted to be durable and confirmed, and no tail in doubt was cut.
 *
 * Throws `CONFIG_INVALID` for the folder of another member, and for one with messages that no member of
 * a group has written.
 */
export function incarnate(
  found: MemberFile | undefined,
  store: Pick<MessageStore, 'storeId' | 'recovery' | 'log'>,
  how: { readonly configuredId?: number | undefined; readonly isStatic?: boolean } = {},
): MemberFile {
  const { configuredId, isStatic = false } = how
  const ownId = found?.brokerId
  if (configuredId !== undefined && ownId !== undefined && configuredId !== ownId) {
    throw new CometError(
      'CONFIG_INVALID',
      `the data folder is that of member ${ownId}, and this broker is configured to be member ${configuredId}; correct one of them`,
    )
  }
  const hadElector = found?.electorId !== undefined && found.electorId !== STATIC_ELECTOR_ID
  if (isStatic && hadElector) {
    throw new CometError(
      'CONFIG_INVALID',
      'the data folder belongs to a broker group with etcd, which is not left again; configure replication.etcd, or begin with empty folders',
    )
  }
  const { max } = store.log.offsets
  const lastEpoch = store.log.epochs.last?.epoch ?? 0
  if (found === undefined) {
    if (max > 0) {
      throw new CometError(
        'CONFIG_INVALID',
        'the data folder was written by a broker that was alone; begin the broker group with empty folders and move the messages through clients',
      )
    }
    return {
      brokerId: undefined,
      storeId: store.storeId,
      incarnation: 1,
      trustedSince: 1,
      lastSeenEpoch: 0,
      electorId: undefined,
    }
  }
  const incarnation = found.incarnation + 1
  const { noted, isInDoubt } = store.recovery
  const hasNoted = noted === undefined || max >= Math.max(noted.flushedOffset, noted.confirmOffset)
  return {
    ...found,
    // Nobody else's memory: a group that gets an elector begins with that one's.
    electorId: isStatic || hadElector ? found.electorId : undefined,
    incarnation,
    trustedSince: hasNoted && !isInDoubt ? found.trustedSince : incarnation,
    lastSeenEpoch: Math.max(found.lastSeenEpoch, lastEpoch),
  }
}
