/** What this broker has done since it started. Plain fields: counting is on every hot path. */
export interface BrokerCounters {
  messagesIn: number
  bytesIn: number
  /** Batches answered with an error. */
  batchesRefused: number
  /** Batches that had been stored before. */
  batchesRepeated: number
  messagesOut: number
  bytesOut: number
  publishStreams: number
  subscribeStreams: number
  readStreams: number
}

export function newBrokerCounters(): BrokerCounters {
  return {
    messagesIn: 0,
    bytesIn: 0,
    batchesRefused: 0,
    batchesRepeated: 0,
    messagesOut: 0,
    bytesOut: 0,
    publishStreams: 0,
    subscribeStreams: 0,
    readStreams: 0,
  }
}
