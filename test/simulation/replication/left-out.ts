import { type CommitLogOffset, commitLogOffset, EpochHistory } from '@cometmq/protocol'
import { compareLogs, designedRules, type Rules } from '@cometmq/replication'

/** Each rule of the design, replaced by what a group would do without it. */
export const leftOut: Readonly<Record<string, Partial<Rules>>> = {
  /** RocketMQ's issue 5663. */
  'a joining member counts before its change is confirmed': {
    maximalSet: (inSync) => new Set(inSync.keys()),
  },
  'a leaving member counts until its change is confirmed': {
    maximalSet: (inSync, inFlight) => new Set((inFlight ?? inSync).keys()),
  },
  'a swap without an answer is not a failed one': {
    resultOf: (answer) => (answer === 'won' ? 'won' : 'lost'),
  },
  /** RocketMQ's issue 6662. */
  'a disconnected member of the set blocks the confirm offset': {
    nextConfirmOffset: (confirmation) =>
      designedRules.nextConfirmOffset({
        ...confirmation,
        minInSync: 0,
        durable: enough(confirmation)
          ? confirmation.durable.filter((offset) => offset !== undefined)
          : [confirmation.confirmed],
      }),
  },
  'an acknowledgement of nothing blocks the confirm offset': {
    nextConfirmOffset: (confirmation) =>
      designedRules.nextConfirmOffset({
        ...confirmation,
        minInSync: 0,
        durable: enough(confirmation)
          ? confirmation.durable.filter((offset) => offset !== 0)
          : [confirmation.confirmed],
      }),
  },
  'who joins holds everything confirmed': {
    holdsEverything: () => true,
  },
  'who joins holds everything below the epoch': {
    holdsEverything: (durable, { confirm }) => durable >= confirm,
  },
  'an epoch that is over is not followed': {
    isOver: () => false,
  },
  /** Kafka before KIP-101. */
  'logs are cut where their histories part': {
    followPoint: (slave, master) => ({
      cutTo: least(slave.confirmOffset, master.maxOffset),
      losesConfirmed: slave.confirmOffset > master.maxOffset,
    }),
  },
  'the set names incarnations': {
    isEligible: ({ inSync }, { brokerId }) => inSync.has(brokerId),
  },
  /** RocketMQ's epoch file. */
  'an epoch replaces those that wrote nothing': {
    appendEpoch: (history, entry) =>
      history.last !== undefined && history.last.start >= entry.start
        ? history
        : history.append(entry),
  },
  'a cut drops the epoch that starts at it': {
    truncateEpochs: (history, to) =>
      EpochHistory.of(history.entries.filter(({ start }) => start <= to)),
  },
  'only a member of the set is elected': {
    isEligible: () => true,
  },
  'consumers stop at the confirm offset': {
    readableEnd: ({ maxOffset }) => maxOffset,
  },
  'an operator elects at a loss only what nothing has happened to since': {
    isAsSeen: () => true,
  },
  'a recovery takes the best log': {
    recoveryWinner: (state, answers) =>
      designedRules.recoveryWinner(state, answers) &&
      answers
        .filter(({ brokerId }) => state.inSync.has(brokerId))
        .toSorted((a, b) => a.brokerId - b.brokerId)[0],
  },
  'a recovery asks all members': {
    recoveryWinner: (state, answers) =>
      designedRules.recoveryWinner(state, answers) &&
      answers.filter(({ brokerId }) => state.inSync.has(brokerId)).toSorted(compareLogs)[0],
  },
}

export function rulesWithout(name: string): Rules | undefined {
  const changes = leftOut[name]
  return changes === undefined ? undefined : { ...designedRules, ...changes }
}

function enough({ durable, minInSync }: Parameters<Rules['nextConfirmOffset']>[0]): boolean {
  return durable.length >= minInSync
}

function least(a: CommitLogOffset, b: CommitLogOffset): CommitLogOffset {
  return commitLogOffset(Math.min(a, b))
}
