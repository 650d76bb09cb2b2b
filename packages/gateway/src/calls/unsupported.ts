import type { Status__Input } from '@cometmq/protocol/rocketmq'
import type { UnaryCall } from '../edge.ts'
import { RefusedCall } from '../status.ts'

/** A call that is answered with a reason and does nothing: what it is about does not exist yet. */
export function unsupported<Request, Response extends { status?: Status__Input | null }>(
  what: string,
): UnaryCall<Request, Response> {
  return {
    run: () => Promise.reject(new RefusedCall('UNSUPPORTED', `${what} are not supported yet`)),
    refuse: (status) => ({ status }) as Response,
  }
}
