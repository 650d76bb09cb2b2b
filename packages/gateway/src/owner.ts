import type { QueueGroup, TopicRoute } from '@cometmq/protocol'
import type { Clock } from '@cometmq/runtime'
import type { ClientCall } from './client-call.ts'
import { times } from './config.ts'
import { type MasterWaits, noMaster } from './master-waits.ts'
import { placeOf } from './placement.ts'
import type { ClusterView, GatewayPorts, LocalBroker, MasterPlace } from './ports.ts'
import { RefusedCall } from './status.ts'
import type { TopicMaker } from './topic-maker.ts'

export type Owner =
  | { readonly kind: 'here'; readonly broker: LocalBroker }
  | { readonly kind: 'there'; readonly brokerName: string }

/** What a call is for: nobody but a master takes messages; a slave may stand in for it to consumers. */
export type Duty = 'send' | 'consume'

const LOOK_INTERVAL_MS = 25

/** Decides which broker a call belongs to. */
export class Owners {
  readonly #cluster: ClusterView
  readonly #broker: LocalBroker | undefined
  readonly #clock: Clock
  readonly #maker: TopicMaker
  readonly #waits: MasterWaits
  #turn = 0

  constructor(
    { cluster, broker, clock }: Pick<GatewayPorts, 'cluster' | 'broker' | 'clock'>,
    maker: TopicMaker,
    waits: MasterWaits,
  ) {
    this.#cluster = cluster
    this.#broker = broker
    this.#clock = clock
    this.#maker = maker
    this.#waits = waits
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

  /**
   * The route, when all of its broker groups that can be read serve consumers; or as it is after a
   * while. Clients would drop a group from which they are told not to receive for a moment.
   */
  async settledRoute(topic: string, call: ClientCall): Promise<TopicRoute> {
    const isSettled = ({ queueGroups }: TopicRoute): boolean =>
      queueGroups.every(
        ({ brokerName, readable }) =>
          !readable || this.#cluster.placeOfConsumers(brokerName) !== 'nowhere',
      )
    const route = await this.route(topic, call)
    if (isSettled(route)) return route
    await this.#waits.until({ call, maxMs: times.masterWaitMs }, () =>
      isSettled(this.#cluster.route(topic) ?? route),
    )
    return this.route(topic, call)
  }

  /**
   * By name, as a handle or a queue says it. Throws `BAD_REQUEST` for a name that is not known, and
   * `NOT_MASTER` while the broker group has nobody for that.
   */
  named(brokerName: string, call: ClientCall, duty: Duty): Owner {
    const isOwn = this.#broker?.brokerName === brokerName
    // Who has forwarded the call took this process for the master; it knows best itself.
    const place = this.#placeOf(brokerName, duty)
    if (this.#broker !== undefined && isOwn && (call.isForwarded || place === 'here')) {
      return { kind: 'here', broker: this.#broker }
    }
    if (place === 'there' && !call.isForwarded) return { kind: 'there', brokerName }
    if (place === 'nowhere') throw noMaster(brokerName)
    throw new RefusedCall('BAD_REQUEST', `no broker "${brokerName}" is known here`)
  }

  /**
   * Any broker that does this for the topic and is not avoided: this one, or one after the other.
   * Throws `FORBIDDEN`, or `NOT_MASTER` if there will be one when another broker group has a master.
   */
  ofTopic(
    route: TopicRoute,
    call: ClientCall,
    duty: Duty,
    avoided: ReadonlySet<string> = new Set(),
  ): Owner {
    const { topic, queueGroups } = route
    const own = this.#broker
    if (own?.topic(topic) !== undefined && !avoided.has(own.brokerName)) {
      const isHere = call.isForwarded || this.#placeOf(own.brokerName, duty) === 'here'
      if (isHere) return { kind: 'here', broker: own }
    }
    const isFit = ({ readable, writable }: QueueGroup): boolean =>
      duty === 'send' ? writable : readable
    const fit = queueGroups.filter(
      (group) =>
        isFit(group) &&
        !avoided.has(group.brokerName) &&
        this.#placeOf(group.brokerName, duty) === 'there',
    )
    const group = fit[this.#turn++ % Math.max(1, fit.length)]
    if (group !== undefined) return this.named(group.brokerName, call, duty)
    for (const { brokerName } of queueGroups) {
      if (this.#placeOf(brokerName, duty) === 'nowhere') throw noMaster(brokerName)
    }
    throw new RefusedCall('FORBIDDEN', `no broker serves topic "${topic}" that way now`)
  }

  /** The one queue of a message group. Throws `NOT_MASTER` while its broker group has no master. */
  ofMessageGroup(
    route: TopicRoute,
    messageGroup: string,
    call: ClientCall,
  ): { readonly owner: Owner; readonly queueId: number } {
    const { brokerName, queueId } = placeOf(route, messageGroup)
    // The route names it; so it is known, and only away.
    if (this.#cluster.placeOfMaster(brokerName) === 'unknown') throw noMaster(brokerName)
    return { owner: this.named(brokerName, call, 'send'), queueId }
  }

  #placeOf(brokerName: string, duty: Duty): MasterPlace {
    return duty === 'send'
      ? this.#cluster.placeOfMaster(brokerName)
      : this.#cluster.placeOfConsumers(brokerName)
  }
}
