import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** A way to a server on which answers can be lost. */
export class Proxy implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #losesAnswers = false

  private constructor(server: Server) {
    this.#server = server
  }

  /** `target` is `host:port`. */
  static async to(target: string): Promise<Proxy> {
    const [host = '', port = ''] = target.split(':')
    const server = createServer()
    const proxy = new Proxy(server)
    server.on('connection', (near) => proxy.#join(near, connect(Number(port), host)))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return proxy
  }

  /** `host:port` */
  get endpoint(): string {
    const address = this.#server.address()
    assert(typeof address === 'object' && address !== null)
    return `127.0.0.1:${address.port}`
  }

  /** From now on requests arrive, and nothing comes back. */
  loseAnswers(): void {
    this.#losesAnswers = true
  }

  /** Breaks what connections there are; new ones lose nothing. */
  heal(): void {
    this.#losesAnswers = false
    for (const socket of this.#sockets) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.heal()
    await once(this.#server.close(), 'close')
  }

  #join(near: Socket, far: Socket): void {
    near.on('data', (bytes) => far.write(bytes))
    far.on('data', (bytes) => {
      if (!this.#losesAnswers) near.write(bytes)
    })
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
  }
}
