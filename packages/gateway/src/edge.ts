import type { Method } from '@cometmq/protocol'
import type { Status__Input } from '@cometmq/protocol/rocketmq'
import { answer, type CallContext, type Handler } from '@cometmq/runtime'
import { authenticate } from './authentication.ts'
import { type ClientCall, clientCallOf, isForwardedCall } from './client-call.ts'
import type { GatewayContext } from './context.ts'
import { isPassing } from './master-waits.ts'
import type { ClientSession } from './sessions.ts'
import { RefusedCall, statusOf } from './status.ts'

export interface UnaryCall<Request, Response> {
  run(request: Request, call: ClientCall, session: ClientSession): Promise<Response>
  /** What a client expects beside the status of a call that failed. */
  refuse(status: Status__Input, request: Request): Response
}

/** What every call goes through, in the order that the contract demands. */
export class CallEdge {
  readonly #context: GatewayContext
  #running = 0

  constructor(context: GatewayContext) {
    this.#context = context
  }

  /**
   * A unary call. To a client no failure of it is one of gRPC: the status lies in the answer. Who has
   * forwarded it is told as it is that this process is not the master, to try elsewhere.
   */
  unary<Request, Response>(
    method: Method<Request, Response>,
    calls: UnaryCall<Request, Response>,
  ): Handler {
    const { config, log } = this.#context
    return answer(method, async (request, context) => {
      this.#running++
      try {
        const { call, session } = this.admit(context)
        if (this.#running > config.callsMax) {
          throw new RefusedCall('TOO_MANY_REQUESTS', `flow limit: ${config.callsMax} calls`)
        }
        return await calls.run(request, call, session)
      } catch (thrown) {
        if (isForwardedCall(context) && isPassing(thrown, true)) throw thrown
        return calls.refuse(statusOf(thrown, log), request)
      } finally {
        this.#running--
      }
    })
  }

  /** Who calls, if it may. Throws `CLIENT_ID_REQUIRED`, `UNAUTHORIZED` or `TOO_MANY_REQUESTS`. */
  admit(context: CallContext): { readonly call: ClientCall; readonly session: ClientSession } {
    const call = clientCallOf(context)
    authenticate(call.metadata, this.#context.config.users)
    return { call, session: this.#context.sessions.touch(call) }
  }
}
