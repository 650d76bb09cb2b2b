import { loadMessagingService, type MessagingMethods } from '@cometmq/protocol/rocketmq'
import type { Handler, Timer } from '@cometmq/runtime'
import { ackMessage } from './calls/ack-message.ts'
import { changeInvisibleDuration } from './calls/change-invisible-duration.ts'
import { forwardToDeadLetters } from './calls/forward-to-dead-letters.ts'
import { heartbeat } from './calls/heartbeat.ts'
import { notifyClientTermination } from './calls/notify-client-termination.ts'
import { getOffset, queryOffset, updateOffset } from './calls/offsets.ts'
import { pullMessage } from './calls/pull-message.ts'
import { queryAssignment } from './calls/query-assignment.ts'
import { queryRoute } from './calls/query-route.ts'
import { receiveMessage } from './calls/receive-message.ts'
import { sendMessage } from './calls/send-message.ts'
import { telemetry } from './calls/telemetry.ts'
import { unsupported } from './calls/unsupported.ts'
import { type GatewayConfig, gatewayDefaults } from './config.ts'
import type { GatewayContext } from './context.ts'
import { CallEdge } from './edge.ts'
import { Forwarding } from './forward.ts'
import { MasterWaits } from './master-waits.ts'
import { Owners } from './owner.ts'
import type { GatewayPorts } from './ports.ts'
import { Sessions } from './sessions.ts'
import { TopicMaker } from './topic-maker.ts'

const SWEEP_MS = 1_000

/**
 * The door for official RocketMQ 5 clients, on the client port of every process. They send their
 * calls to different processes in each language, so that each process takes every call, and runs
 * it or passes it on to the broker that owns it.
 */
export class Gateway {
  readonly #context: GatewayContext
  readonly #edge: CallEdge
  #timer: Timer | undefined

  constructor(ports: GatewayPorts, config: Partial<GatewayConfig> = {}) {
    const { clock, cluster, broker, transport, log } = ports
    const maker = new TopicMaker({ transport, cluster, methods: ports.topics, log })
    const waits = new MasterWaits(ports)
    const whole = { ...gatewayDefaults, ...config }
    this.#context = {
      ...ports,
      config: whole,
      methods: loadMessagingService(),
      owners: new Owners(ports, maker, waits),
      forwarding: new Forwarding(transport, cluster, broker?.brokerName ?? 'name server'),
      sessions: new Sessions(clock, whole),
      waits,
    }
    this.#edge = new CallEdge(this.#context)
    this.#sweepLater()
  }

  get clientCount(): number {
    return this.#context.sessions.count
  }

  get telemetryStreamCount(): number {
    return this.#context.sessions.lineCount
  }

  handlers(): Handler[] {
    const context = this.#context
    const edge = this.#edge
    const methods: MessagingMethods = context.methods
    return [
      edge.unary(methods.QueryRoute, queryRoute(context)),
      edge.unary(methods.QueryAssignment, queryAssignment(context)),
      edge.unary(methods.Heartbeat, heartbeat(context)),
      edge.unary(methods.NotifyClientTermination, notifyClientTermination(context)),
      telemetry(context, edge),
      edge.unary(methods.SendMessage, sendMessage(context)),
      receiveMessage(context, edge),
      edge.unary(methods.AckMessage, ackMessage(context)),
      edge.unary(methods.ChangeInvisibleDuration, changeInvisibleDuration(context)),
      edge.unary(methods.ForwardMessageToDeadLetterQueue, forwardToDeadLetters(context)),
      pullMessage(context, edge),
      edge.unary(methods.UpdateOffset, updateOffset(context)),
      edge.unary(methods.GetOffset, getOffset(context)),
      edge.unary(methods.QueryOffset, queryOffset(context)),
      edge.unary(methods.EndTransaction, unsupported('transactions')),
      edge.unary(methods.RecallMessage, unsupported('messages with a delivery time')),
      edge.unary(methods.SyncLiteSubscription, unsupported('lite topics')),
    ]
  }

  close(): void {
    this.#timer?.cancel()
    this.#context.waits.close()
    this.#context.forwarding.close()
  }

  #sweepLater(): void {
    this.#timer = this.#context.clock.schedule(SWEEP_MS, () => {
      const { sessions, broker, log } = this.#context
      for (const { clientId, lines } of sessions.expire()) {
        log.info({ clientId }, 'an official client has gone silent')
        for (const line of lines) line.end()
        broker?.clientGone(clientId)
      }
      this.#sweepLater()
    })
  }
}
