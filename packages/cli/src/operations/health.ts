import type { BrokerStatus } from '@cometmq/broker'
import type { NameServer } from '@cometmq/nameserver'

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
    ],
    safeToStop: [
      status.state === 'serving'
        ? bad('replaceable', 'no slave has its messages: its queues are away while it is stopped')
        : good('replaceable', 'it serves nobody any more'),
    ],
    other: [
      ...links,
      status.writable
        ? good('takes messages', 'yes')
        : bad('takes messages', status.whyNotWritable ?? 'no'),
    ],
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

function good(name: string, says: string): Check {
  return { name, isGood: true, says }
}

function bad(name: string, says: string): Check {
  return { name, isGood: false, says }
}
