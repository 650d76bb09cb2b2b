import { type Message, type RecordBatch, tagAt, visibleProperties } from '@cometmq/protocol'
import { dateOf } from './times.ts'

/** One message of a record batch, as users see it. Of a redelivery or a dead letter: the original. */
export class MessageView {
  readonly #batch: RecordBatch
  readonly #index: number
  readonly #message: Message

  constructor(batch: RecordBatch, index: number, message: Message) {
    this.#batch = batch
    this.#index = index
    this.#message = message
  }

  get id(): string {
    return this.#batch.messageId(this.#index, this.#message)
  }

  get topic(): string {
    return this.#batch.sections.origin?.topic ?? this.#batch.topic
  }

  get tag(): string | undefined {
    return tagAt(this.#batch.sections.tags, this.#index)
  }

  get keys(): readonly string[] {
    return this.#message.keys ?? []
  }

  get key(): string | undefined {
    return this.#message.messageGroup
  }

  get properties(): Readonly<Record<string, string>> {
    const { properties } = this.#message
    return properties === undefined ? {} : visibleProperties(properties)
  }

  get queueId(): number {
    return this.#batch.sections.origin?.queueId ?? this.#batch.queueId
  }

  get queueOffset(): number {
    const { origin } = this.#batch.sections
    return (origin?.queueOffset ?? this.#batch.baseQueueOffset) + this.#index
  }

  get bornAt(): Date {
    return dateOf(this.#batch.bornTimeMs)
  }

  get storedAt(): Date {
    return dateOf(this.#batch.sections.origin?.storeTimeMs ?? this.#batch.storeTimeMs)
  }

  /** Why the last attempt to handle it failed. */
  get lastFailure(): string | undefined {
    return this.#batch.sections.origin?.reason
  }
}
