import { CometError, type ErrorCode, type Registration } from '@cometmq/protocol'
import { addressOf, type BrokerEntry } from './broker-entry.ts'
import { mistakeIn, mistakeInTopics } from './registration-mistakes.ts'

export interface Refusal {
  readonly kind: 'refused'
  readonly error: CometError
  /** What must never be, and calls for an operator. */
  readonly alarm?: 'two_masters_one_epoch'
}

/** What a registration is held against. */
interface Present {
  readonly cluster: string
  readonly maxBrokers: number
  readonly maxTopicsPerBroker: number
  readonly brokerCount: number
  /** The highest epoch that was ever registered under its broker name; 0: none. */
  readonly highestEpoch: number
  /** The entries whose place it would take. */
  readonly replaced: readonly BrokerEntry[]
}

/** Why a broker is not taken in, if so. */
export function refusalOf(registration: Registration, present: Present): Refusal | undefined {
  const { brokerName, brokerId, epoch, topics } = registration
  const { cluster, highestEpoch, replaced, maxBrokers, maxTopicsPerBroker } = present
  if (registration.cluster !== cluster) {
    return refusal(
      'WRONG_CLUSTER',
      `this name server serves cluster "${cluster}", the broker belongs to "${registration.cluster}"; correct "cluster" or "nameservers" of one of them`,
    )
  }
  const error =
    mistakeIn(registration) ?? mistakeInTopics(topics, { alreadyThere: 0, maxTopicsPerBroker })
  if (error !== undefined) return { kind: 'refused', error }
  // A slave may not have heard of the present reign yet; it takes no writes.
  if (brokerId === 0 && epoch < highestEpoch) {
    return refusal(
      'STALE_EPOCH',
      `"${brokerName}" has been registered with epoch ${highestEpoch}, epoch ${epoch} is over`,
    )
  }
  for (const entry of replaced) {
    const taken = takenBy(entry, registration)
    if (taken !== undefined) return taken
  }
  if (replaced.length > 0 || present.brokerCount < maxBrokers) return undefined
  return refusal('TOO_MANY', `this name server takes ${maxBrokers} brokers`)
}

/** Why a registration may not take the place of that entry, if so. */
function takenBy(entry: BrokerEntry, registration: Registration): Refusal | undefined {
  const { brokerName, brokerId, epoch, storeId } = registration
  // Who speaks on the stream of another name has given that one up.
  if (entry.brokerName !== brokerName) return undefined
  const isMaster = brokerId === 0
  // A new reign replaces the old master, wherever it is.
  if (isMaster && epoch > entry.epoch) return undefined
  if (entry.storeId !== storeId && entry.brokerId === brokerId) {
    const message = `a broker with other data is registered as "${brokerName}", id ${brokerId}, at ${entry.address}; give this one another brokerName`
    const taken = refusal('NAME_TAKEN', message)
    return isMaster ? { ...taken, alarm: 'two_masters_one_epoch' } : taken
  }
  // Its stream stands and its beats arrive, so this is not the same process on its way back.
  if (entry.storeId === storeId && entry.linked && entry.address !== addressOf(registration)) {
    return refusal(
      'NAME_TAKEN',
      `"${brokerName}" is registered at ${entry.address} with a copy of the same data; two brokers may not share one`,
    )
  }
  return undefined
}

function refusal(code: ErrorCode, message: string): Refusal {
  return { kind: 'refused', error: new CometError(code, message) }
}
