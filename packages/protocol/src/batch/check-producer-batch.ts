import { CometError } from '../errors.ts'
import { checkBatchBytes, checkMessageCount } from './batch-bounds.ts'
import type { RecordBatch } from './record-batch.ts'

/**
 * Checks what a broker accepts from a producer, beyond a good header: kind, counts, sizes, sections,
 * checksum. What passes can be stored, filtered and sent on without another failure.
 *
 * The body stays closed. One that does not open to the messages it claims is noticed by whoever
 * opens it, as `MALFORMED_BATCH`.
 *
 * Throws `MALFORMED_BATCH`, `BATCH_TOO_LARGE` or `CHECKSUM_MISMATCH`.
 */
export function checkProducerBatch(batch: RecordBatch): void {
  checkBatchBytes(Math.max(batch.totalBytes, batch.bodyBytes))
  if (batch.kind !== 'messages') {
    throw new CometError('MALFORMED_BATCH', `producers may not send records of kind ${batch.kind}`)
  }
  if (batch.isBrokerMade) {
    throw new CometError(
      'MALFORMED_BATCH',
      'producers may not send records marked as made by a broker',
    )
  }
  if (batch.hasUnknownBits) {
    throw new CometError('MALFORMED_BATCH', 'the header has bits set that have no meaning')
  }
  checkMessageCount(batch.messageCount)
  checkNumbers(batch)
  // What is not compressed costs nothing to open, and then its length is known to be right.
  if (batch.compression === 'none') batch.openBody()
  // Before what it covers is looked at: damage on the way is worth another try, nonsense is not.
  batch.verifyBody()
  if (batch.sections.origin !== undefined) {
    throw new CometError('MALFORMED_BATCH', 'producers may not tell where messages came back from')
  }
}

/** Throws unless every number that readers will ask the batch for is a safe one. */
function checkNumbers(batch: RecordBatch): void {
  // Reading these throws beyond 2^53. The numbers of all messages but the first are sums.
  const { bornTimeMs, producer, messageCount } = batch
  const numbersLeft = Number.MAX_SAFE_INTEGER - producer.baseMessageNumber
  if (bornTimeMs >= 0 && messageCount <= numbersLeft) return
  throw new CometError('MALFORMED_BATCH', 'the message numbers of a batch exceed 2^53')
}
