/** Who sent a batch, and which of its batches for this queue it is. */
export interface ProducerStamp {
  /** 8 bytes as 16 hexadecimal digits; zeros: a sender without idempotence. */
  readonly producerId: string
  /** Starts at 0 for each queue; raised when a sequence has to start anew. */
  readonly producerEpoch: number
  /** Counts the producer's batches for this queue and epoch, from 0. */
  readonly sequence: number
  /** Number of the first message among all of this producer's; with the id it identifies each message. */
  readonly baseMessageNumber: number
}

export const NO_PRODUCER_ID = '0000000000000000'

/** `producerId` and the producer's number of the message, as users see it. */
export function messageIdOf(producerId: string, messageNumber: number): string {
  return `${producerId}-${messageNumber.toString(16)}`
}
