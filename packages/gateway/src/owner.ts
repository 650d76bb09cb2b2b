import type { QueueGroup, TopicRoute } from '@cometmq/protocol'
import type { Clock } from '@cometmq/runtime'
import type { ClientCall } from './client-call.ts'
import { times } from './config.ts'
import { placeOf } from './placement.ts'
import type { ClusterView, GatewayPorts, LocalBroker } from './ports.ts'
import { RefusedCall } from './status.ts'
import type { TopicMaker } from './topic-maker.ts'

export type Owner =
  | { readonly kind: 'here'; readonly broker: LocalBroker }
  | { readonly kind: 'there'; readonly brokerName: string }

const LOOK_INTERVAL_MS = 25

/** Decides which broker a call belongs to. */
export class Owners {
  readonly #cluster: ClusterView
  readonly #broker: LocalBroker | undefined
  readonly #clock: Clock
  readonly #maker: TopicMaker
  #turn = 0

  constructor(
    { cluster, broker, clock }: Pick<GatewayPorts, 'cluster' | 'broker' | 'clock'>,
    maker: TopicMaker,
  ) {
    this.#cluster = cluster
    this.#broker = broker
    this.#clock = clock
    this.#maker = maker
  }

  /**
   * The topic's route; a topic that is missing is made, where the cluster wants that. Waits a little
   * while this process does not know the cluster yet: a client that is told now that its topic is
   * missing does not start. Throws `TOPIC_NOT_FOUND`, or
   * `HA_NOT_AVAILABLE` while nobody can tell.
   */
  async route(topic: string, call: ClientCall): Promise<TopicRoute> {
    const waitMs = Math.min(times.routeWaitMs, call.remainingMs - times.forwardMarginMs)
    const untilMs = this.#clock.elapsedMs() + waitMs
    while (!this.#cluster.isReady && this.#clock.elapsedMs() < untilMs) {
      await this.#clock.sleep(LOOK_INTERVAL_MS, call.signal)
    }
    if (this.#cluster.route(topic) === undefined && this.#maker.mayMake(topic)) {
      await this.#maker.make(topic)
      while (this.#cluster.route(topic) === undefined && this.#clock.elapsedMs() < untilMs) {
        await this.#clock.sleep(LOOK_INTERVAL_MS, call.signal)
      }
    }
    const route = this.#cluster.route(topic)
    if (route !== undefined) return route
    if (!this.#cluster.isReady) {
      throw new RefusedCall('HA_NOT_AVAILABLE', 'no broker has registered here yet; try again')
    }
    throw new RefusedCall('TOPIC_NOT_FOUND', `there is no topic "${topic}"; create it first`)
  }

  /** By name, as a handle or a queue says it. Throws `BAD_REQUEST` for a name that is not known. */
  named(brokerName: string, call: ClientCall): Owner {
    if (this.#broker?.brokerName === brokerName) return { kind: 'here', broker: this.#broker }
    if (call.isForwarded || this.#cluster.addressOf(brokerName) === undefined) {
      throw new RefusedCall('BAD_REQUEST', `no broker "${brokerName}" is known here`)
    }
    return { kind: 'there', brokerName }
  }

  /** Any broker that serves the topic: this one, or one after the other. */
  ofTopic(route: TopicRoute, call: ClientCall, isFit: (group: QueueGroup) => boolean): Owner {
    if (this.#broker?.topic(route.topic) !== undefined)
      return { kind: 'here', broker: this.#broker }
    const fit = route.queueGroups.filter(isFit)
    const group = fit[this.#turn++ % Math.max(1, fit.length)]
    if (group === undefined) {
      throw new RefusedCall('FORBIDDEN', `no broker serves topic "${route.topic}" that way now`)
    }
    return this.named(group.brokerName, call)
  }

  /** The one queue of a message group. Throws `HA_NOT_AVAILABLE` while its broker is away. */
  ofMessageGroup(
    route: TopicRoute,
    messageGroup: string,
    call: ClientCall,
  ): { readonly owner: Owner; readonly queueId: number } {
    const { brokerName, queueId } = placeOf(route, messageGroup)
    const isHere = this.#broker?.brokerName === brokerName
    if (!isHere && this.#cluster.addressOf(brokerName) === undefined) {
      throw new RefusedCall(
        'HA_NOT_AVAILABLE',
        `broker "${brokerName}", which has the queue of this message group, is away; try again`,
      )
    }
    return { owner: this.named(brokerName, call), queueId }
  }
}
