import type { CometError } from '@cometmq/protocol'
import type { Runtime } from '@cometmq/runtime'
import type { BrokerCounters } from '../broker-counters.ts'
import { DeliveryEngine } from '../deliver/delivery.ts'
import type { DeliveryConfig } from '../deliver/ports.ts'
import { RedeliveryInPlace } from '../deliver/redelivery-in-place.ts'
import type { GroupRegistry } from '../group-registry.ts'
import { PopDoor } from '../pop/pop-door.ts'
import { SubscribeService } from '../rpc/subscribe-service.ts'
import type { TopicRegistry } from '../topic-registry.ts'
import type { OverlayStore } from './overlay-store.ts'

export interface StandInParts {
  readonly runtime: Pick<Runtime, 'clock' | 'log' | 'random'>
  readonly config: { readonly delivery: DeliveryConfig }
  readonly topics: TopicRegistry
  readonly groups: GroupRegistry
  readonly counters: BrokerCounters
}

/** Delivery to consumer groups at both doors: what a master does, and a slave that stands in. */
export interface Deliverer {
  readonly delivery: DeliveryEngine
  readonly members: SubscribeService
  readonly door: PopDoor
}

/** Who delivers here at present. */
export interface Delivering {
  readonly present: Deliverer | undefined
  /** Throws `NOT_MASTER` or `NOT_READY`. */
  need(): Deliverer
}

/**
 * What a slave does while it stands in for its master: delivery as a master's, from what is confirmed
 * here, and with an overlay for what comes of it.
 */
export class StandInDuties implements Deliverer {
  readonly store: OverlayStore
  readonly delivery: DeliveryEngine
  readonly members: SubscribeService
  readonly door: PopDoor

  private constructor(
    { runtime, counters }: StandInParts,
    { store, delivery }: { readonly store: OverlayStore; readonly delivery: DeliveryEngine },
  ) {
    const { clock, random, log } = runtime
    this.store = store
    this.delivery = delivery
    this.members = new SubscribeService({ delivery, counters, log })
    this.door = new PopDoor({ delivery, counters, clock, random })
  }

  static async begin(parts: StandInParts, store: OverlayStore): Promise<StandInDuties> {
    const { runtime, config, topics, groups } = parts
    const { clock, log } = runtime
    const delivery = await DeliveryEngine.open(
      {
        clock,
        log,
        store,
        topics,
        groups,
        redelivery: ({ loop }) => new RedeliveryInPlace(clock, loop),
      },
      config.delivery,
    )
    return new StandInDuties(parts, { store, delivery })
  }

  /** Every membership ends with `why`. What was settled is in the overlay. */
  async end(why: CometError): Promise<void> {
    this.door.close()
    await this.delivery.close(why)
    this.members.end(why)
  }
}
