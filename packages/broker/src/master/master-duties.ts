import type { CometError } from '@cometmq/protocol'
import type { Runtime } from '@cometmq/runtime'
import type { MessageStore } from '@cometmq/store'
import type { BrokerCounters } from '../broker-counters.ts'
import type { BrokerConfig } from '../config.ts'
import { DeliveryEngine } from '../deliver/delivery.ts'
import type { GroupRegistry } from '../group-registry.ts'
import { PopDoor } from '../pop/pop-door.ts'
import { SubscribeService } from '../rpc/subscribe-service.ts'
import { TopicAdmin } from '../topic-admin.ts'
import type { Deliverer } from '../stand-in/stand-in-duties.ts'
import type { TopicRegistry } from '../topic-registry.ts'

export interface MasterDutiesParts {
  readonly runtime: Runtime
  readonly config: BrokerConfig
  readonly store: MessageStore
  readonly topics: TopicRegistry
  readonly groups: GroupRegistry
  readonly counters: BrokerCounters
}

/**
 * What only a master does, for as long as it is one: delivery to consumer groups at both doors, and
 * changes of topics. It begins with what the log says and leaves nothing behind that is not there.
 */
export class MasterDuties implements Deliverer {
  readonly delivery: DeliveryEngine
  readonly members: SubscribeService
  readonly door: PopDoor
  readonly topicAdmin: TopicAdmin

  private constructor(
    { runtime, config, store, topics, counters }: MasterDutiesParts,
    delivery: DeliveryEngine,
  ) {
    const { clock, random, log } = runtime
    this.delivery = delivery
    this.members = new SubscribeService({ delivery, counters, log })
    this.door = new PopDoor({ delivery, counters, clock, random })
    const defaults = config.topicDefaults
    this.topicAdmin = new TopicAdmin({ store, topics, clock, defaults, delivery })
  }

  static async begin(parts: MasterDutiesParts): Promise<MasterDuties> {
    const { runtime, config, store, topics, groups } = parts
    const { clock, log } = runtime
    const ports = { clock, log, store, topics, groups }
    return new MasterDuties(parts, await DeliveryEngine.open(ports, config.delivery))
  }

  /** Every membership ends with `why`. Writes what is not written yet, as far as the store lets it. */
  async end(why: CometError): Promise<void> {
    this.door.close()
    await this.delivery.close(why)
    this.members.end(why)
  }
}
