import { alarmsOf, type BrokerStatus } from '@cometmq/broker'
import type { NameServer } from '@cometmq/nameserver'
import { alarmWords } from '../alarm-words.ts'

/** One thing that is as it should be, or not. */
export interface Check {
  readonly name: string
  readonly isGood: boolean
  readonly says: string
}

/** What orchestrators and operators ask a process, each answered by some checks. */
export interface Health {
  /** It has started up: recovery is over. */
  readonly startup: readonly Check[]
  /** Clients may be sent to it. */
  readonly ready: readonly Check[]
  /** Nobody misses it while it is stopped. */
  readonly safeToStop: readonly Check[]
  /** What else is worth knowing. */
  readonly other: readonly Check[]
}

/** Before the daemon is there. */
export const starting: Health = {
  startup: [bad('started', 'it is starting; a broker replays its log')],
  ready: [],
  safeToStop: [],
  other: [],
}

export function brokerHealth(status: BrokerStatus): Health {
  const links = status.nameservers.map(({ address, state, why }) =>
    state === 'registered'
      ? good(`name server ${address}`, 'registered')
      : bad(`name server ${address}`, why || state),
  )
  const isKnown = links.length === 0 || links.some(({ isGood }) => isGood)
  return {
    startup: [good('started', 'the log is open')],
    ready: [
      status.state === 'serving' ? good('serving', 'yes') : bad('serving', status.state),
      isKnown
        ? good('registered', links.length === 0 ? 'no name servers are configured' : 'yes')
        : bad('registered', 'no name server knows it, so no client finds it'),
      ...placeOf(status),
    ],
    safeToStop: [replaceable(status)],
    other: [...links, ...dutiesOf(status)],
  }
}

export function nameServerHealth({ ready, brokers }: NameServer['status']): Health {
  return {
    startup: [good('started', 'it listens')],
    ready: [
      ready
        ? good('knows the cluster', `${brokers} brokers`)
        : bad('knows the cluster', 'it has just started; brokers have had no time to register'),
    ],
    safeToStop: [good('replaceable', 'clients and brokers use the others, and what they know')],
    other: [],
  }
}

/** Of a member of a broker group: a slave is as good as a master, as long as it follows one or stands in. */
function placeOf({ member, standsIn }: BrokerStatus): Check[] {
  if (member === undefined) return []
  const { role, isInTouch, group } = member
  const name = 'has a place in its broker group'
  if (standsIn) return [good(name, `stands in for member ${group?.master}`)]
  if (!isInTouch) return [bad(name, `it follows nobody (${role})`)]
  const what = role === 'following' ? `follows member ${group?.master}` : `is ${role}`
  return [good(name, `${what} of epoch ${group?.epoch}`)]
}

/** Writes stop when fewer than `minInSync` are in sync; and while it is away, it is not. */
function replaceable({ state, member }: BrokerStatus): Check {
  const name = 'replaceable'
  if (state !== 'serving') return good(name, 'it serves nobody any more')
  if (member?.group === undefined) {
    return bad(name, 'no slave has its messages: its queues are away while it is stopped')
  }
  const { memberId, group, isInTouch, alarms } = member
  const { inSync, minInSync } = group
  if (!inSync.has(memberId)) return good(name, 'its broker group does without it')
  if (alarms.includes('elector_down') || alarms.includes('elector_went_back')) {
    return bad(name, 'etcd does not answer, so nobody could take its place')
  }
  if (!isInTouch) return bad(name, 'it is in sync and knows of no master, and may be needed')
  const left = inSync.size - 1
  return left >= minInSync
    ? good(name, `${left} members stay in sync, ${minInSync} are needed`)
    : bad(name, `${left} members would stay in sync, ${minInSync} are needed`)
}

function dutiesOf(status: BrokerStatus): Check[] {
  const { member, writable, whyNotWritable = 'no' } = status
  const alarms = alarmsOf(status).map((alarm) => bad(alarm, alarmWords[alarm]))
  if (member?.role === 'following') return alarms
  return [
    writable ? good('takes messages', 'yes') : bad('takes messages', whyNotWritable),
    ...alarms,
  ]
}

function good(name: string, says: string): Check {
  return { name, isGood: true, says }
}

function bad(name: string, says: string): Check {
  return { name, isGood: false, says }
}
