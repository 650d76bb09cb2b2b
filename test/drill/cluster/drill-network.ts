import { execFileSync } from 'node:child_process'
import { networkInterfaces } from 'node:os'
import process from 'node:process'
import type { CutDirection, MemberWays, Neighbours } from './member-ways.ts'

/** For measurements between networks (RFC 2544): nobody routes it anywhere. */
const RANGE = '198.18'

/**
 * A network of namespaces: every member that is put into it has a machine's network of its own, and
 * a line to a switch. The switch is a bridge in a namespace as well, where no filter of this machine
 * reaches it; this process and everything else is at its other end.
 */
export class DrillNetwork implements AsyncDisposable {
  /** Of this process, for those in the network. */
  readonly host: string
  readonly #name: string
  readonly #net: string
  readonly #namespaces: string[] = []
  #line: string | undefined
  #members = 0
  /** Whoever is broken off in the middle leaves nothing behind. */
  readonly #removeAtExit = (): void => this.#remove()

  private constructor(name: string, net: string) {
    this.#name = name
    this.#net = net
    this.host = `${net}.1`
    process.once('exit', this.#removeAtExit)
  }

  /** Whether this process may make one: root may not in every container. */
  static canBeMade(): boolean {
    if (process.platform !== 'linux') return false
    try {
      const network = DrillNetwork.make()
      try {
        network.addMember({ etcdPorts: [] }).cut('all', 'both')
        return true
      } finally {
        network.#remove()
        process.off('exit', network.#removeAtExit)
      }
    } catch {
      return false
    }
  }

  /** Whether its lines can be made bad: not every kernel has `netem`. */
  static canBeBad(): boolean {
    if (!DrillNetwork.canBeMade()) return false
    const network = DrillNetwork.make()
    try {
      network.addMember({ etcdPorts: [] }).disturb()
      return true
    } catch {
      return false
    } finally {
      network.#remove()
      process.off('exit', network.#removeAtExit)
    }
  }

  static make(): DrillNetwork {
    const network = new DrillNetwork(`cd${process.pid}`, freeNet())
    try {
      network.#makeSwitch()
      return network
    } catch (error) {
      network.#removeAtExit()
      process.off('exit', network.#removeAtExit)
      throw error
    }
  }

  addMember(around: { readonly etcdPorts: readonly number[] }): NamespaceWays {
    const number = this.#members++
    const namespace = `${this.#name}-${number}`
    const port = `${this.#name}p${number}`
    const host = `${this.#net}.${10 + number}`
    this.#addNamespace(namespace)
    ip(
      'link',
      'add',
      port,
      'netns',
      this.#switch,
      'type',
      'veth',
      'peer',
      'eth0',
      'netns',
      namespace,
    )
    ip('-n', this.#switch, 'link', 'set', port, 'master', 'switch', 'up')
    ip('-n', namespace, 'addr', 'add', `${host}/24`, 'dev', 'eth0')
    ip('-n', namespace, 'link', 'set', 'eth0', 'up')
    return new NamespaceWays({ namespace, host, hub: this.host, ...around })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#removeAtExit)
    this.#remove()
  }

  get #switch(): string {
    return `${this.#name}-s`
  }

  #makeSwitch(): void {
    const line = `${this.#name}l`
    this.#addNamespace(this.#switch)
    ip('-n', this.#switch, 'link', 'add', 'switch', 'type', 'bridge')
    ip('-n', this.#switch, 'link', 'set', 'switch', 'up')
    ip('link', 'add', line, 'type', 'veth', 'peer', 'uplink', 'netns', this.#switch)
    this.#line = line
    ip('-n', this.#switch, 'link', 'set', 'uplink', 'master', 'switch', 'up')
    ip('addr', 'add', `${this.host}/24`, 'dev', line)
    ip('link', 'set', line, 'up')
  }

  #addNamespace(namespace: string): void {
    ip('netns', 'add', namespace)
    this.#namespaces.push(namespace)
    ip('-n', namespace, 'link', 'set', 'lo', 'up')
  }

  /**
   * The lines go with the namespaces at their ends, at some time: ours goes at once, for the next
   * network of this process has one of that name.
   */
  #remove(): void {
    if (this.#line !== undefined) ip('link', 'del', this.#line)
    this.#line = undefined
    for (const namespace of this.#namespaces.splice(0)) ip('netns', 'del', namespace)
  }
}

/** One member in a namespace of its own, cut off by packet filters in it. */
class NamespaceWays implements MemberWays {
  readonly kind = 'namespaces'
  /** Where it listens. */
  readonly host: string
  readonly #namespace: string
  readonly #hub: string
  readonly #etcdPorts: readonly number[]

  constructor(place: {
    readonly namespace: string
    readonly host: string
    /** Where everything is that has no namespace of its own. */
    readonly hub: string
    readonly etcdPorts: readonly number[]
  }) {
    this.host = place.host
    this.#namespace = place.namespace
    this.#hub = place.hub
    this.#etcdPorts = place.etcdPorts
  }

  get prefix(): readonly string[] {
    return ['ip', 'netns', 'exec', this.#namespace]
  }

  cut(neighbours: Neighbours, direction: CutDirection): void {
    const { heard, told } = this.#filtersOf(neighbours)
    // What comes first is what the packets of a moment later still meet.
    if (direction !== 'back') this.#filter('-A', 'INPUT', '-i', 'eth0', ...heard, '-j', 'DROP')
    if (direction !== 'there') this.#filter('-A', 'OUTPUT', '-o', 'eth0', ...told, '-j', 'DROP')
  }

  heal(): void {
    this.#filter('-F')
  }

  /** What it sends is late by 50 ± 20 ms, and one packet in a hundred is lost; until `calm`. */
  disturb(): void {
    this.#queue('add', 'netem', 'delay', '50ms', '20ms', 'loss', '1%')
  }

  calm(): void {
    this.#queue('del')
  }

  /** Its machine says so by itself. */
  async refuse(): Promise<void> {}

  async admit(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  #filtersOf(neighbours: Neighbours): { heard: readonly string[]; told: readonly string[] } {
    switch (neighbours) {
      case 'all':
        return { heard: [], told: [] }
      // Only they have an address of their own.
      case 'members':
        return { heard: ['!', '-s', this.#hub], told: ['!', '-d', this.#hub] }
      case 'etcd': {
        const ports = ['-p', 'tcp', '-m', 'multiport']
        const list = this.#etcdPorts.join()
        return { heard: [...ports, '--sports', list], told: [...ports, '--dports', list] }
      }
    }
  }

  #queue(change: 'add' | 'del', ...discipline: readonly string[]): void {
    run('tc', ['-n', this.#namespace, 'qdisc', change, 'dev', 'eth0', 'root', ...discipline])
  }

  #filter(...rule: readonly string[]): void {
    run('ip', ['netns', 'exec', this.#namespace, 'iptables', '-w', ...rule])
  }
}

/** The first of a range that no network of this machine has. */
function freeNet(): string {
  const taken = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  for (let number = process.pid % 200; number < 456; number++) {
    const net = `${RANGE}.${number % 256}`
    if (!taken.some(({ address }) => address.startsWith(`${net}.`))) return net
  }
  throw new Error(`every network of ${RANGE}.0.0/16 is taken`)
}

function ip(...args: readonly string[]): void {
  run('ip', args)
}

function run(program: string, args: readonly string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
