import { CometError } from '@cometmq/protocol'
import type { Clock } from './clock.ts'

/** `Clock.sleep` in terms of `Clock.schedule`, for whoever makes a clock. */
export function sleepOn(
  clock: Pick<Clock, 'schedule'>,
  delayMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancelled = (): void => {
      timer.cancel()
      reject(new CometError('CANCELLED', 'the wait was cancelled', { cause: signal?.reason }))
    }
    const timer = clock.schedule(delayMs, () => {
      signal?.removeEventListener('abort', cancelled)
      resolve()
    })
    if (signal?.aborted) cancelled()
    else signal?.addEventListener('abort', cancelled, { once: true })
  })
}
