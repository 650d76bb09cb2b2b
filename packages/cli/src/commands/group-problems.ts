import type { BrokerDescription } from '@cometmq/protocol'
import { wordsOfAlarm } from '../alarm-words.ts'
import { formatBytes } from '../units.ts'

/** So far behind is a slave that will not be in sync for a while. */
const FAR_BEHIND_BYTES = 64 * 1024 * 1024

/** What is wrong with a broker group, as its master describes it; most of it takes several members. */
export function groupProblems(
  broker: Pick<BrokerDescription, 'groupMembers' | 'minInSync' | 'inSync' | 'replicas' | 'alarms'>,
): string[] {
  const { groupMembers, minInSync, inSync, replicas, alarms } = broker
  const wrong = alarms
    .filter((name) => !isTold(name))
    .map((name) => `${name}: ${wordsOfAlarm(name)}`)
  if (groupMembers === 0) return wrong
  const behind = replicas.filter(
    ({ connected, lagBytes }) => connected && lagBytes >= FAR_BEHIND_BYTES,
  )
  const isAtFloor = inSync.length < groupMembers && inSync.length <= minInSync
  return [
    ...(isAtFloor
      ? [
          `${inSync.length} of ${groupMembers} members are in sync, ${minInSync} are needed: the next one that fails stops all writes`,
        ]
      : []),
    ...behind.map(
      ({ memberId, lagBytes }) => `member ${memberId} is ${formatBytes(lagBytes)} behind`,
    ),
    ...wrong,
  ]
}

/** A full disk is why the master takes no messages. */
function isTold(alarm: string): boolean {
  return alarm === 'disk_full'
}
