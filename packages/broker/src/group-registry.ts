import {
  CometError,
  type FilterText,
  type GroupDefinition,
  type StateChange,
} from '@cometmq/protocol'
import type { MessageStore, Unsubscribe } from '@cometmq/store'

const GROUPS_TABLE = 'groups'
const SUBSCRIPTIONS_TABLE = 'subscriptions'

/** What a group reads: its topics, each with the filter in normal form. */
export interface GroupSubscription {
  readonly version: number
  readonly topics: Readonly<Record<string, FilterText>>
}

const NO_SUBSCRIPTION: GroupSubscription = { version: 0, topics: {} }

/**
 * The consumer groups of this broker group and what they read: what the applied changes of the log
 * say, so that every replica knows the same. Whoever wants to change a group appends `putGroup`,
 * `putSubscription` or `deleteGroup`.
 */
export class GroupRegistry {
  readonly #groups = new Map<string, GroupDefinition>()
  readonly #subscriptions = new Map<string, GroupSubscription>()
  readonly #listeners = new Set<(group: string) => void>()

  private constructor() {}

  /** Reads the tables and follows their changes from then on. */
  static async open(store: Pick<MessageStore, 'subscribe' | 'table'>): Promise<GroupRegistry> {
    const registry = new GroupRegistry()
    // Before the scans, so that no change falls between; what was heard is newer than what they read.
    let heard: Set<string> | undefined = new Set<string>()
    store.subscribe({
      changed: (changes) => {
        for (const change of changes) {
          if (change.table !== GROUPS_TABLE && change.table !== SUBSCRIPTIONS_TABLE) continue
          if (change.kind === 'delete-range') continue
          const group = change.key.toString()
          heard?.add(`${change.table}/${group}`)
          registry.#apply(change.table, group, change.kind === 'put' ? change.value : undefined)
        }
      },
    })
    for (const table of [GROUPS_TABLE, SUBSCRIPTIONS_TABLE]) {
      for await (const [key, value] of store.table(table).entries()) {
        const group = key.toString()
        if (!heard.has(`${table}/${group}`)) registry.#apply(table, group, value)
      }
    }
    heard = undefined
    return registry
  }

  get(group: string): GroupDefinition | undefined {
    return this.#groups.get(group)
  }

  /** As `get`; throws `GROUP_NOT_FOUND`. */
  need(group: string): GroupDefinition {
    const definition = this.#groups.get(group)
    if (definition !== undefined) return definition
    throw new CometError(
      'GROUP_NOT_FOUND',
      `there is no group "${group}" on this broker; create it, or correct the name`,
    )
  }

  subscriptionOf(group: string): GroupSubscription {
    return this.#subscriptions.get(group) ?? NO_SUBSCRIPTION
  }

  /** Every group that has ever read the topic. */
  readersOf(topic: string): string[] {
    const groups: string[] = []
    for (const [group, { topics }] of this.#subscriptions) {
      if (Object.hasOwn(topics, topic)) groups.push(group)
    }
    return groups
  }

  get size(): number {
    return this.#groups.size
  }

  all(): IterableIterator<GroupDefinition> {
    return this.#groups.values()
  }

  /** Called after each applied change of a definition, in the order of the log. */
  onChange(listener: (group: string) => void): Unsubscribe {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  #apply(table: string, group: string, value: Buffer | undefined): void {
    if (table === SUBSCRIPTIONS_TABLE) {
      if (value === undefined) this.#subscriptions.delete(group)
      else this.#subscriptions.set(group, JSON.parse(value.toString()) as GroupSubscription)
      return
    }
    if (value === undefined) this.#groups.delete(group)
    else this.#groups.set(group, decodeGroup(value))
    for (const listener of this.#listeners) listener(group)
  }
}

/** As the rows have it now. */
export function groupIn(
  store: Pick<MessageStore, 'table'>,
  group: string,
): GroupDefinition | undefined {
  const value = store.table(GROUPS_TABLE).get(Buffer.from(group))
  return value === undefined ? undefined : decodeGroup(value)
}

function decodeGroup(value: Buffer): GroupDefinition {
  return JSON.parse(value.toString()) as GroupDefinition
}

/** The row of one group. */
export function putGroup(definition: GroupDefinition): StateChange {
  return {
    kind: 'put',
    table: GROUPS_TABLE,
    key: Buffer.from(definition.group),
    value: Buffer.from(JSON.stringify(definition)),
  }
}

export function putSubscription(group: string, subscription: GroupSubscription): StateChange {
  return {
    kind: 'put',
    table: SUBSCRIPTIONS_TABLE,
    key: Buffer.from(group),
    value: Buffer.from(JSON.stringify(subscription)),
  }
}

/** Takes definition and subscription away. */
export function deleteGroup(group: string): readonly StateChange[] {
  const key = Buffer.from(group)
  return [GROUPS_TABLE, SUBSCRIPTIONS_TABLE].map((table) => ({ kind: 'delete', table, key }))
}
