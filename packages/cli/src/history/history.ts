/**
 * What clients saw, recorded outside the cluster, and the promises it is held against.
 *
 * Used by the simulation and by the tests on real processes: the same checker judges both.
 */
export interface Position {
  readonly brokerName: string
  readonly topic: string
  readonly queueId: number
  readonly queueOffset: number
}

export interface DeliveredMessage extends Position {
  readonly messageId: string
  readonly body: string
  readonly attempt: number
}

export type Violation =
  /** Acknowledged to its producer, never delivered. */
  | { readonly kind: 'lost'; readonly messageId: string; readonly position: string }
  /** Delivered, but nobody sent it, or not with this body. */
  | { readonly kind: 'phantom'; readonly messageId: string; readonly position: string }
  /** One place in a queue held two messages. */
  | { readonly kind: 'replaced'; readonly position: string; readonly ids: readonly string[] }
  /** Somebody was given it, and its queue does not have it any more. */
  | { readonly kind: 'withdrawn'; readonly messageId: string; readonly position: string }
  /** In the queues more than once, although its producer has sequences. */
  | {
      readonly kind: 'stored-twice'
      readonly messageId: string
      readonly positions: readonly string[]
    }
  /** Acknowledged to the producer at one place, found at another or nowhere. */
  | { readonly kind: 'moved'; readonly messageId: string; readonly acknowledged: string }
  /** Leased again to a group after its acknowledgement had been answered. */
  | { readonly kind: 'returned'; readonly messageId: string; readonly group: string }
  /**
   * A FIFO group was given the second one before it was done with the first; or that lies behind it,
   * although the producer, which stands for the group, sent it later.
   */
  | {
      readonly kind: 'overtaken'
      readonly group: string
      readonly key: string
      readonly messageId: string
      readonly by: string
    }
  /** After all faults had stopped, something still did not happen. */
  | { readonly kind: 'stuck'; readonly why: string }
  /** A queue's offsets are not contiguous. */
  | {
      readonly kind: 'gap'
      readonly queue: string
      readonly expected: number
      readonly found: number
    }

export class History {
  readonly #sent = new Map<string, string>()
  readonly #acknowledged = new Map<string, Position>()
  /** Message id by place, from receipts, deliveries and final reads alike. */
  readonly #placed = new Map<string, Set<string>>()
  readonly #deliveredTo = new Map<string, Set<string>>()
  readonly #settledBy = new Map<string, Set<string>>()
  /** What consumers and readers were given of the queues themselves, by place. */
  readonly #seen = new Map<string, { readonly messageId: string; readonly at: Position }>()
  readonly #stored = new Map<string, string[]>()
  /** Where what is left of a queue begins. */
  readonly #begins = new Map<string, number>()
  readonly #violations: Violation[] = []
  #deliveries = 0
  #redeliveries = 0

  sent(messageId: string, body: string): void {
    this.#sent.set(messageId, body)
  }

  /** The producer was told that the message is stored, and where. */
  acknowledged(messageId: string, position: Position): void {
    this.#acknowledged.set(messageId, position)
    this.#place(messageId, position)
  }

  delivered(group: string, message: DeliveredMessage): void {
    this.#deliveries++
    this.#checkSent(message)
    const delivered = setOf(this.#deliveredTo, group)
    if (delivered.has(message.messageId)) this.#redeliveries++
    delivered.add(message.messageId)
    // A redelivery lies in the retry queue, whose offsets are its own.
    if (message.attempt === 1) this.#see(message)
  }

  /** Somebody outside of all groups was given the message. */
  read(message: DeliveredMessage): void {
    this.#checkSent(message)
    this.#see(message)
  }

  /**
   * The broker has answered the group's acknowledgement of the message.
   *
   * It does so once. A delivery alone proves nothing: it may have been on its way when its lease
   * ended, and then its own acknowledgement is refused.
   */
  settled(group: string, messageId: string): void {
    const settled = setOf(this.#settledBy, group)
    if (settled.has(messageId)) this.#violations.push({ kind: 'returned', messageId, group })
    settled.add(messageId)
  }

  /** One queue, read from its first offset to its end after all faults have stopped. */
  finalQueue(messages: readonly DeliveredMessage[]): void {
    const [first] = messages
    if (first !== undefined) this.#begins.set(queueOf(first), first.queueOffset)
    let expected = first?.queueOffset ?? 0
    for (const message of messages) {
      if (message.queueOffset !== expected) {
        const found = message.queueOffset
        this.#violations.push({ kind: 'gap', queue: queueOf(message), expected, found })
      }
      expected = message.queueOffset + 1
      this.#checkSent(message)
      this.#place(message.messageId, message)
      const positions = this.#stored.get(message.messageId)
      if (positions === undefined) this.#stored.set(message.messageId, [placeOf(message)])
      else positions.push(placeOf(message))
    }
  }

  get counts() {
    return {
      sent: this.#sent.size,
      acknowledged: this.#acknowledged.size,
      deliveries: this.#deliveries,
      redeliveries: this.#redeliveries,
    }
  }

  /** Ids that were acknowledged and that `group` has not been given yet. */
  missingFor(group: string): string[] {
    const delivered = setOf(this.#deliveredTo, group)
    return [...this.#acknowledged.keys()].filter((messageId) => !delivered.has(messageId))
  }

  /** Every broken promise. Without `finalReads` the checks of stored queues are left out. */
  violations(options: {
    readonly groups: readonly string[]
    readonly finalReads: boolean
  }): Violation[] {
    const found = [...this.#violations]
    for (const group of options.groups) {
      for (const messageId of this.missingFor(group)) {
        const position = placeOf(this.#acknowledged.get(messageId) as Position)
        found.push({ kind: 'lost', messageId, position })
      }
    }
    for (const [position, ids] of this.#placed) {
      if (ids.size > 1) found.push({ kind: 'replaced', position, ids: [...ids] })
    }
    if (options.finalReads) found.push(...this.#storedViolations())
    return found
  }

  *#storedViolations(): Generator<Violation> {
    for (const [messageId, positions] of this.#stored) {
      if (positions.length > 1) yield { kind: 'stored-twice', messageId, positions }
    }
    for (const [messageId, position] of this.#acknowledged) {
      const acknowledged = placeOf(position)
      if (!this.#stored.get(messageId)?.includes(acknowledged)) {
        yield { kind: 'moved', messageId, acknowledged }
      }
    }
    for (const [position, { messageId, at }] of this.#seen) {
      // What retention has deleted was there.
      if (at.queueOffset < (this.#begins.get(queueOf(at)) ?? 0)) continue
      if (!this.#stored.get(messageId)?.includes(position)) {
        yield { kind: 'withdrawn', messageId, position }
      }
    }
  }

  #checkSent(message: DeliveredMessage): void {
    if (this.#sent.get(message.messageId) === message.body) return
    const position = placeOf(message)
    this.#violations.push({ kind: 'phantom', messageId: message.messageId, position })
  }

  #see(message: DeliveredMessage): void {
    this.#place(message.messageId, message)
    this.#seen.set(placeOf(message), { messageId: message.messageId, at: message })
  }

  #place(messageId: string, position: Position): void {
    setOf(this.#placed, placeOf(position)).add(messageId)
  }
}

function placeOf(position: Position): string {
  return `${queueOf(position)}/${position.queueOffset}`
}

function queueOf({ brokerName, topic, queueId }: Position): string {
  return `${brokerName}/${topic}/${queueId}`
}

function setOf(map: Map<string, Set<string>>, key: string): Set<string> {
  let set = map.get(key)
  if (set === undefined) {
    set = new Set()
    map.set(key, set)
  }
  return set
}
