import {
  CometError,
  checkBrokerName,
  limits,
  type RegisteredTopic,
  type Registration,
  toCometError,
} from '@cometmq/protocol'

/** Ways to reach one broker. */
const LISTENERS_MAX = 16

/** What no name server would take, whoever else is registered; topics apart. */
export function mistakeIn(registration: Registration): CometError | undefined {
  try {
    checkBrokerName(registration.brokerName)
  } catch (thrown) {
    return toCometError(thrown)
  }
  const { listeners } = registration
  const isEach = listeners.every(({ address }) => /^\S+:\d+$/.test(address))
  if (listeners.length === 0 || listeners.length > LISTENERS_MAX || !isEach) {
    return new CometError(
      'ILLEGAL_ARGUMENT',
      `a registration names ${LISTENERS_MAX} addresses of form host:port at most, and one at least`,
    )
  }
  return undefined
}

/** In topics that come to those that are already there. */
export function mistakeInTopics(
  topics: readonly RegisteredTopic[],
  bounds: { readonly alreadyThere: number; readonly maxTopicsPerBroker: number },
): CometError | undefined {
  const { alreadyThere, maxTopicsPerBroker } = bounds
  if (topics.length + alreadyThere > maxTopicsPerBroker) {
    return new CometError('TOO_MANY', `a broker may register ${maxTopicsPerBroker} topics`)
  }
  for (const topic of topics) {
    const mistake = mistakeInTopic(topic)
    if (mistake !== undefined) return mistake
  }
  return undefined
}

function mistakeInTopic({ topic, queueCount }: RegisteredTopic): CometError | undefined {
  if (topic.length === 0 || topic.length > limits.topicNameMaxChars) {
    return new CometError('ILLEGAL_ARGUMENT', `a registered topic name has ${topic.length} chars`)
  }
  if (queueCount > limits.queuesPerTopicMax) {
    return new CometError('ILLEGAL_ARGUMENT', `"${topic}" is registered with ${queueCount} queues`)
  }
  return undefined
}
