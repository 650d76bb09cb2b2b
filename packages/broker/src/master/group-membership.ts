import { CometError, type Services } from '@cometmq/protocol'
import {
  type Elector,
  GroupMember,
  type GroupState,
  type MemberEnding,
  memberHandlers,
  type ReplicaState,
} from '@cometmq/replication'
import type { Listener, Runtime } from '@cometmq/runtime'
import type { MessageStore } from '@cometmq/store'
import { advertisedAddress } from '../config.ts'
import type { ReplicationConfig } from '../replication-config.ts'

/** What other members come in by. */
const MEMBERS_LISTENER = 'members'

export interface MembershipOptions {
  readonly cluster: string
  readonly brokerName: string
  readonly directory: string
  readonly replication: ReplicationConfig
}

/** What a broker does about its role. */
export interface RoleListener {
  /** It may serve clients as master. */
  readonly begin: () => void
  readonly end: () => void
  readonly roleChanged: () => void
}

/** A member's role as others are told it. */
export interface GroupRole {
  readonly role: ReplicaState['role']['kind']
  /** Own number in the broker group; 0 until the elector gave one. */
  readonly memberId: number
  readonly epoch: number
  /** As last heard of the elector. */
  readonly group: GroupState | undefined
}

/** This broker's part in its broker group: the member, its elector, and the port between members. */
export class GroupMembership {
  readonly #member: GroupMember
  readonly #elector: Elector
  readonly #listener: Listener

  private constructor(parts: {
    readonly member: GroupMember
    readonly elector: Elector
    readonly listener: Listener
  }) {
    this.#member = parts.member
    this.#elector = parts.elector
    this.#listener = parts.listener
  }

  /** Listens, and takes its place with `start`. Throws what `GroupMember.open` and listening throw. */
  static async open(
    runtime: Runtime,
    options: MembershipOptions,
    parts: {
      readonly store: MessageStore
      readonly elector: Elector
      readonly services: Services
      readonly role: RoleListener
    },
  ): Promise<GroupMembership> {
    const { replication, directory, cluster, brokerName } = options
    const { store, elector, services, role } = parts
    let member: GroupMember | undefined
    // Its address, which the member announces, is known only once it listens.
    const late = (): GroupMember => {
      if (member === undefined) throw new CometError('NOT_READY', 'this member has just started')
      return member
    }
    const listener = await runtime.transport.listen({
      address: replication.listen,
      name: MEMBERS_LISTENER,
      handlers: memberHandlers(services.replication, late),
    })
    try {
      member = await GroupMember.open(
        { ...runtime, store, elector, methods: services.replication, duties: role },
        {
          cluster,
          brokerName,
          folder: `${directory}/replication`,
          settings: replication.settings,
          limits: replication.limits,
          rules: replication.rules,
          self: {
            configuredId: replication.memberId,
            host: replication.host,
            bootId: replication.bootId,
            replicationAddress: advertisedAddress(replication, listener.address),
            isObserver: replication.isObserver,
            priority: replication.priority,
          },
        },
      )
      return new GroupMembership({ member, elector, listener })
    } catch (thrown) {
      await listener.close()
      throw thrown
    }
  }

  start(): void {
    this.#member.start()
  }

  /** Why clients are not answered as by a master, right now. */
  get refusal(): CometError | undefined {
    if (this.#member.mayServe) return undefined
    const { state, group } = this.#member
    const { kind } = state.role
    const who =
      group === undefined ? 'none is known' : `member ${group.master} of epoch ${group.epoch} is`
    return new CometError(
      'NOT_MASTER',
      `this member of the broker group is no master now (${kind}); ${who}`,
    )
  }

  get role(): GroupRole {
    const { state, group } = this.#member
    return {
      role: state.role.kind,
      memberId: state.member.brokerId ?? 0,
      epoch: state.member.lastSeenEpoch,
      group,
    }
  }

  /** How the member came to its end; see `GroupMember.ended`. */
  get ended(): Promise<MemberEnding> {
    return this.#member.ended
  }

  /** Hands over if this is the master, and leaves; resolves when that is done. */
  async leave(): Promise<void> {
    this.#member.stop()
    await this.#member.ended
  }

  async close(): Promise<void> {
    await this.#member.close()
    await this.#listener.close()
    await this.#elector[Symbol.asyncDispose]()
  }
}
