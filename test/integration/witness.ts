import { type CometClient, connect, type Topic, text } from '@cometmq/client'
import { silentLogger } from '@cometmq/runtime'

/**
 * An honest user of the cluster beside those who are not: what it was told is stored has to be there
 * in the end, once and unchanged, whatever the others do.
 */
export class Witness implements AsyncDisposable {
  readonly comet: CometClient
  readonly #topic: Topic<string>
  readonly #sent: string[] = []

  private constructor(comet: CometClient, topic: Topic<string>) {
    this.comet = comet
    this.#topic = topic
  }

  static async start(endpoints: readonly string[]): Promise<Witness> {
    const comet = await connect({ endpoints, log: silentLogger })
    await comet.admin.topics.create('witness', { queueCount: 2 })
    return new Witness(comet, comet.topic('witness', { codec: text() }))
  }

  /** Whether it can send some messages; rejects with why it cannot. */
  async isServed(): Promise<boolean> {
    const bodies = Array.from({ length: 10 }, (_, index) => `${this.#sent.length + index}`)
    const receipts = await this.#topic.sendMany(bodies)
    this.#sent.push(...bodies)
    return receipts.length === bodies.length
  }

  /** What it has sent and not found, and found and not sent, or more than once. */
  async differences(): Promise<string[]> {
    const missing = new Set(this.#sent)
    const wrong: string[] = []
    await using reader = this.#topic.reader({ from: 'earliest', untilEnd: true })
    for await (const { body } of reader) if (!missing.delete(body)) wrong.push(body)
    return [...missing, ...wrong]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.comet.close()
  }
}
