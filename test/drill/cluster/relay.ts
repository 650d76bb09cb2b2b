import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** Seen from those who dial: what they send, what they are answered, or both. */
export type Direction = 'there' | 'back' | 'both'

/**
 * A way to a process that can be cut, as a network is: nobody is told. What was under way is held
 * back, and arrives when the way is whole again; whoever dials meanwhile is kept waiting.
 */
export class Relay implements AsyncDisposable {
  readonly #server: Server
  readonly #from: { readonly host: string; readonly port: number }
  readonly #target: { readonly host: string; readonly port: number }
  readonly #joints = new Set<Joint>()
  #cut: Direction | undefined

  private constructor(server: Server, way: { readonly from: string; readonly to: string }) {
    this.#server = server
    this.#from = placeOf(way.from)
    this.#target = placeOf(way.to)
    server.on('connection', (near) => this.#take(near))
  }

  /** Both are `host:port`. */
  static async open(way: { readonly from: string; readonly to: string }): Promise<Relay> {
    const relay = new Relay(createServer(), way)
    await relay.admit()
    return relay
  }

  /** Takes whoever dials, as a process does that listens. */
  async admit(): Promise<void> {
    if (!this.#server.listening) await once(this.#server.listen(this.#from), 'listening')
  }

  /** Nobody listens there any more: a process has ended, and its machine says so to whoever dials. */
  async refuse(): Promise<void> {
    for (const joint of this.#joints) joint.close()
    if (this.#server.listening) await once(this.#server.close(), 'close')
  }

  cut(direction: Direction): void {
    this.#cut = direction
    for (const joint of this.#joints) joint.cut(direction)
  }

  heal(): void {
    this.#cut = undefined
    for (const joint of this.#joints) joint.heal()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.refuse()
  }

  #take(near: Socket): void {
    const joint = new Joint(near, this.#target, () => this.#joints.delete(joint))
    this.#joints.add(joint)
    // It takes both directions to open a connection.
    if (this.#cut === undefined) joint.heal()
  }
}

/** One connection, of which the far half is opened when the way is whole for the first time. */
class Joint {
  readonly #near: Socket
  readonly #target: { readonly host: string; readonly port: number }
  readonly #closed: () => void
  #far: Socket | undefined
  readonly #held = { there: true, back: true }

  constructor(near: Socket, target: { host: string; port: number }, closed: () => void) {
    this.#near = near
    this.#target = target
    this.#closed = closed
    this.#watch(near)
  }

  cut(direction: Direction): void {
    if (direction !== 'back' && !this.#held.there) hold(this.#near, this.#far)
    if (direction !== 'there' && !this.#held.back) hold(this.#far, this.#near)
    this.#held.there ||= direction !== 'back'
    this.#held.back ||= direction !== 'there'
  }

  heal(): void {
    const far = this.#far ?? this.#dial()
    if (this.#held.there) this.#near.pipe(far)
    if (this.#held.back) far.pipe(this.#near)
    this.#held.there = false
    this.#held.back = false
    // One end has gone meanwhile; now the other one hears of it.
    if (this.#near.destroyed || far.destroyed) this.close()
  }

  close(): void {
    this.#near.destroy()
    this.#far?.destroy()
    this.#closed()
  }

  #dial(): Socket {
    const far = connect(this.#target)
    this.#far = far
    this.#watch(far)
    return far
  }

  #watch(socket: Socket): void {
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => {
      if (!this.#held.there && !this.#held.back) this.close()
    })
  }
}

function hold(from: Socket | undefined, to: Socket | undefined): void {
  if (from === undefined) return
  if (to !== undefined) from.unpipe(to)
  from.pause()
}

function placeOf(address: string): { host: string; port: number } {
  const [host = '', port = ''] = address.split(':')
  return { host, port: Number(port) }
}
