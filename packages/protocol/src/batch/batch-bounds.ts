import { CometError } from '../errors.ts'
import { limits } from '../limits.ts'

export function checkBatchBytes(bytes: number): void {
  if (bytes <= limits.batchMaxBytes) return
  throw new CometError(
    'BATCH_TOO_LARGE',
    `a batch has ${bytes} bytes, ${limits.batchMaxBytes} are allowed, compressed or not`,
  )
}

export function checkMessageCount(messageCount: number): void {
  if (messageCount > 0 && messageCount <= limits.batchMaxMessages) return
  throw new CometError('MALFORMED_BATCH', `a batch of ${messageCount} messages`)
}
