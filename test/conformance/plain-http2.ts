import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import type { MessagingMethods } from '@cometmq/protocol/rocketmq'
import { methods, type RawClient } from './raw-client.ts'

/** HTTP/2 without a gRPC library: for what a library hides, or does by itself. */
export class PlainHttp2 implements Disposable {
  readonly session: ClientHttp2Session
  /** The server has asked this client to go. */
  isSentAway = false
  readonly #client: RawClient

  constructor(address: string, client: RawClient) {
    this.#client = client
    this.session = connect(`http://${address}`)
    this.session.on('goaway', () => (this.isSentAway = true))
    this.session.on('error', () => (this.isSentAway = true))
  }

  /** A call whose answer is read only when the caller does so. */
  open(
    name: keyof MessagingMethods,
    request: object,
    headers: Readonly<Record<string, string>> = {},
  ): ClientHttp2Stream {
    const method = methods[name]
    const stream = this.session.request({
      ':method': 'POST',
      ':path': method.path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...this.#client.metadata,
      ...headers,
    })
    // Whoever cancels hears of it.
    stream.on('error', () => {})
    stream.write(frameOf(name, request))
    return stream
  }

  ping(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.session.ping((error) => (error === null ? resolve() : reject(error)))
    })
  }

  [Symbol.dispose](): void {
    this.session.destroy()
  }
}

/** A message as gRPC puts it on the wire: a zero byte and its length before it. */
export function frameOf(name: keyof MessagingMethods, request: object): Buffer {
  const body = methods[name].encodeRequest(request as never)
  const head = Buffer.alloc(5)
  head.writeUInt32BE(body.length, 1)
  return Buffer.concat([head, body])
}
