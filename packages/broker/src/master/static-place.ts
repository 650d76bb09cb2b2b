import type { Services } from '@cometmq/protocol'
import {
  findPlace,
  type GroupMember,
  type Place,
  promote,
  type Promoted,
  type PromoteWish,
  StaticElector,
  type StaticGroup,
} from '@cometmq/replication'
import type { Runtime } from '@cometmq/runtime'
import type { MessageStore } from '@cometmq/store'
import type { ReplicationConfig, StaticRoles } from '../replication-config.ts'
import { askNameServers } from './name-server-epochs.ts'

/** What a broker of a group with configured roles knows of its place in it. */
export class StaticPlace {
  readonly elector: StaticElector
  readonly #runtime: Runtime
  readonly #services: Services
  readonly #group: StaticGroup
  readonly #startsAlone: boolean

  private constructor(
    runtime: Runtime,
    services: Services,
    place: {
      readonly elector: StaticElector
      readonly group: StaticGroup
      readonly startsAlone: boolean
    },
  ) {
    this.#runtime = runtime
    this.#services = services
    this.elector = place.elector
    this.#group = place.group
    this.#startsAlone = place.startsAlone
  }

  /** Throws `STORE_CORRUPT`. */
  static async open(
    runtime: Runtime,
    services: Services,
    options: {
      readonly cluster: string
      readonly brokerName: string
      readonly replication: ReplicationConfig
      readonly roles: StaticRoles
      /** Of the files that replication keeps beside the log. */
      readonly folder: string
      /** The highest epoch that the member has seen. */
      readonly seen: () => number
    },
  ): Promise<StaticPlace> {
    const { cluster, brokerName, replication, roles, folder, seen } = options
    const { memberId = 0, settings } = replication
    const { minInSync, inspectMs } = settings
    const { master, startsAlone } = roles
    const members = new Map(roles.members.map((address, index) => [index + 1, address]))
    const group: StaticGroup = {
      cluster,
      brokerName,
      me: memberId,
      master,
      members,
      minInSync,
      folder,
      inspectMs,
      seen,
    }
    const elector = await StaticElector.open({ ...runtime, methods: services.replication }, group)
    return new StaticPlace(runtime, services, { elector, group, startsAlone })
  }

  /** Resolves when the member may begin; see `findPlace`. */
  find(
    member: GroupMember,
    store: MessageStore,
    about: { readonly nameServers: readonly string[]; readonly signal: AbortSignal },
  ): Promise<Place> {
    const { elector } = this
    const { brokerName } = this.#group
    const { nameServers, signal } = about
    const { loss, epoch } = elector.appointment
    const ask = () =>
      askNameServers(this.#runtime.transport, this.#services, { nameServers, brokerName })
    return findPlace(
      {
        ...this.#runtime,
        store,
        elector,
        methods: this.#services.replication,
        askNameServers: ask,
      },
      {
        ...this.#group,
        isTrusted: elector.inSyncAs >= member.state.member.trustedSince,
        nameServers: nameServers.length,
        // Who promoted it has given up what only others have.
        startsAlone: this.#startsAlone || loss?.epoch === epoch + 1,
      },
      signal,
    )
  }

  /** An operator names another master; throws what `promote` throws. */
  promote(member: GroupMember, wish: PromoteWish): Promise<Promoted> {
    const { elector } = this
    const methods = this.#services.replication
    return promote({ ...this.#runtime, elector, methods, member }, this.#group, wish)
  }
}
