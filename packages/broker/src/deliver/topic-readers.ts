/** Somebody who is told of new messages. */
export interface TopicReader {
  /** The queue can be read up to `maxOffset`. */
  appended(topic: string, queueId: number, maxOffset: number): void
  /** Something may have become possible. */
  wake(): void
}

/** Who is told of new messages of which topic. */
export class TopicReaders {
  readonly #readers = new Map<string, Set<TopicReader>>()

  add(topic: string, reader: TopicReader): void {
    const readers = this.#readers.get(topic)
    if (readers === undefined) this.#readers.set(topic, new Set([reader]))
    else readers.add(reader)
  }

  remove(topic: string, reader: TopicReader): void {
    const readers = this.#readers.get(topic)
    readers?.delete(reader)
    if (readers?.size === 0) this.#readers.delete(topic)
  }

  of(topic: string): Iterable<TopicReader> {
    return this.#readers.get(topic) ?? []
  }
}
