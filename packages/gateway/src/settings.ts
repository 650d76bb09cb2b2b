import type { GroupDefinition } from '@cometmq/protocol'
import type { RetryPolicy__Input, Settings, Settings__Input } from '@cometmq/protocol/rocketmq'
import { bounds, times } from './config.ts'
import { durationOf } from './durations.ts'
import { RefusedCall } from './status.ts'
import { filterOf } from './validate/filter.ts'
import { groupOf, topicOf } from './validate/names.ts'

/** Sent again at once, then soon; only failures of the network are worth a retry. */
const PRODUCER_BACKOFF: RetryPolicy__Input = {
  maxAttempts: 3,
  exponentialBackoff: { initial: durationOf(10), max: durationOf(1_000), multiplier: 2 },
}

const MINUTE_MS = 60_000

/** What a group has that this process knows nothing of: the brokers' defaults. */
const DEFAULT_GROUP = {
  maxAttempts: 16,
  fifo: false,
  retryDelaysMs: [
    ...[1, 5, 10, 30].map((seconds) => seconds * 1_000),
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30].map((minutes) => minutes * MINUTE_MS),
  ],
}

/** Throws with the code of what is wrong; a topic that does not exist is fine. */
export function checkSettings(settings: Settings): void {
  switch (settings.pubSub) {
    case 'publishing':
      for (const topic of settings.publishing?.topics ?? []) topicOf(topic)
      return
    case 'subscription': {
      groupOf(settings.subscription?.group)
      for (const { topic, expression } of settings.subscription?.subscriptions ?? []) {
        topicOf(topic)
        filterOf(expression)
      }
      return
    }
    case undefined:
      throw new RefusedCall('BAD_REQUEST', 'the settings are those of no producer or consumer')
  }
}

/** What the client is told: its own settings, with what this side decides. */
export function answerSettings(
  settings: Settings,
  known: { readonly language: string; readonly group: GroupDefinition | undefined },
): Settings__Input {
  const answer: Settings__Input = {
    ...settings,
    userAgent: settings.userAgent ?? {},
    metric: { on: false },
  }
  if (settings.publishing) {
    answer.backoffPolicy = PRODUCER_BACKOFF
    answer.publishing = {
      ...settings.publishing,
      maxBodySize: bounds.toldBodyMaxBytes,
      validateMessageType: true,
    }
  }
  if (settings.subscription) {
    const group = known.group ?? DEFAULT_GROUP
    answer.backoffPolicy = consumerBackoff(group, known.language)
    answer.subscription = {
      ...settings.subscription,
      fifo: group.fifo,
      receiveBatchSize: bounds.receiveBatch,
      longPollingTimeout: durationOf(times.pollMaxMs),
    }
  }
  return answer
}

/** Node.js cannot read a list of delays. Python cannot read anything else, nor parts of seconds. */
function consumerBackoff(
  group: Pick<GroupDefinition, 'maxAttempts' | 'retryDelaysMs'>,
  language: string,
): RetryPolicy__Input {
  const { maxAttempts, retryDelaysMs } = group
  const wholeSeconds = retryDelaysMs.map((delayMs) => Math.ceil(delayMs / 1_000) * 1_000)
  if (language === 'HTTP') {
    return {
      maxAttempts,
      exponentialBackoff: {
        initial: durationOf(wholeSeconds[0] ?? 1_000),
        max: durationOf(wholeSeconds.at(-1) ?? 1_000),
        multiplier: 2,
      },
    }
  }
  return { maxAttempts, customizedBackoff: { next: wholeSeconds.map(durationOf) } }
}
