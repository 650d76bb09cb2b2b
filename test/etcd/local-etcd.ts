import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasStopped, killWithUs } from '../cluster/child.ts'

/** Whether a program named `etcd` is there. */
export const hasEtcd = canRun('etcd')

/** Real etcd processes on this machine, with data in a folder of their own. */
export class LocalEtcd implements AsyncDisposable {
  readonly members: readonly EtcdMember[]
  readonly #directory: string

  private constructor(members: readonly EtcdMember[], directory: string) {
    this.members = members
    this.#directory = directory
  }

  /** Resolves when there is a leader. `host`: an address of this machine that they listen on. */
  static async start(memberCount: number, host = '127.0.0.1'): Promise<LocalEtcd> {
    const directory = await mkdtemp(path.join(tmpdir(), 'comet-etcd-'))
    const ports = await freePorts(2 * memberCount)
    const names = Array.from({ length: memberCount }, (_, index) => `member-${index}`)
    const urls = ports.map((port) => `http://${host}:${port}`)
    const cluster = names.map((name, index) => `${name}=${urls[memberCount + index]}`).join()
    const members = names.map((name, index) => {
      const [clientUrl, peerUrl] = [urls[index], urls[memberCount + index]]
      assert(clientUrl !== undefined && peerUrl !== undefined)
      const flags = {
        name: name,
        'data-dir': path.join(directory, name),
        'listen-client-urls': clientUrl,
        'advertise-client-urls': clientUrl,
        'listen-peer-urls': peerUrl,
        'initial-advertise-peer-urls': peerUrl,
        'initial-cluster': cluster,
        logger: 'zap',
        'log-level': 'fatal',
      }
      return new EtcdMember(
        { name: `etcd-${name}`, url: clientUrl, directory: path.join(directory, name) },
        Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`),
      )
    })
    const etcd = new LocalEtcd(members, directory)
    try {
      await etcd.leader()
    } catch (error) {
      await etcd[Symbol.asyncDispose]()
      throw error
    }
    return etcd
  }

  /** `host:port` of each member. */
  get endpoints(): string[] {
    return this.members.map(({ endpoint }) => endpoint)
  }

  /** The member that leads, once those that run agree on one. */
  async leader(): Promise<EtcdMember> {
    for (;;) {
      const running = this.members.filter(({ isRunning }) => isRunning)
      assert(running.length > 0, 'etcd has ended')
      const statuses = await Promise.all(running.map((member) => member.status()))
      const leaders = new Set(statuses.map((status) => status?.leader))
      const index = statuses.findIndex((status) => status?.leader === status?.memberId)
      const leader = running[index]
      if (leaders.size === 1 && statuses[index] !== undefined && leader !== undefined) return leader
      await sleep(50)
    }
  }

  async follower(): Promise<EtcdMember> {
    const leader = await this.leader()
    const follower = this.members.find((member) => member !== leader && member.isRunning)
    assert(follower !== undefined, 'there is a second member')
    return follower
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()))
    await rm(this.#directory, { recursive: true, force: true })
  }
}

export class EtcdMember {
  readonly name: string
  /** `host:port` */
  readonly endpoint: string
  readonly #url: string
  readonly #directory: string
  readonly #args: readonly string[]
  #child: ChildProcess
  #isFrozen = false

  constructor(
    place: { readonly name: string; readonly url: string; readonly directory: string },
    args: readonly string[],
  ) {
    this.name = place.name
    this.endpoint = place.url.slice('http://'.length)
    this.#url = place.url
    this.#directory = place.directory
    this.#args = args
    this.#child = start(args)
  }

  /** A frozen one does not. */
  get isRunning(): boolean {
    return !this.#hasEnded && !this.#isFrozen
  }

  /** Resolves when it has stopped: a signal is answered for before a busy machine delivers it. */
  async freeze(): Promise<void> {
    this.#isFrozen = true
    this.#child.kill('SIGSTOP')
    await hasStopped(this.#child)
  }

  thaw(): void {
    this.#isFrozen = false
    this.#child.kill('SIGCONT')
  }

  /** As a power cut of its machine. */
  async kill(): Promise<void> {
    if (this.#hasEnded) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }

  /** To be called after `kill`. */
  async forgetAll(): Promise<void> {
    await rm(this.#directory, { recursive: true })
  }

  /** To be called after `kill`: what it has, as a copy that `restore` brings back. */
  async backUp(): Promise<void> {
    await cp(this.#directory, this.#backup, { recursive: true })
  }

  /** To be called after `kill`: it has what it had at the backup. */
  async restore(): Promise<void> {
    await this.forgetAll()
    await cp(this.#backup, this.#directory, { recursive: true })
  }

  /** Starts it again, after `kill`, on what it had. */
  restart(): void {
    this.#isFrozen = false
    this.#child = start(this.#args)
  }

  /** Undefined while it does not answer. */
  async status(): Promise<{ memberId: string; leader: string; revision: number } | undefined> {
    const answer = await this.#post('maintenance/status', {}).catch(() => undefined)
    const { header, leader } = (answer ?? {}) as StatusAnswer
    if (header === undefined || leader === undefined || leader === '0') return undefined
    return { memberId: header.member_id, leader, revision: Number(header.revision) }
  }

  /** Forgets the history of all revisions up to the present one. */
  async compact(): Promise<void> {
    const status = await this.status()
    assert(status !== undefined, 'a member that is to be compacted answers')
    await this.#post('kv/compaction', { revision: String(status.revision), physical: true })
  }

  /** Reads past the adapter, what all members agree on. Undefined if the key is not there. */
  async get(key: string): Promise<string | undefined> {
    const answer = (await this.#post('kv/range', { key: base64(key) })) as RangeAnswer
    const value = answer.kvs?.[0]?.value
    return value === undefined ? undefined : textOf(value)
  }

  /** Tells every key below a prefix that is written from now on; resolves when the stream has ended. */
  async watch(
    prefix: string,
    onPut: (key: string, value: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const range = { key: base64(prefix), range_end: base64(`${prefix}\xff`) }
    const body = JSON.stringify({ create_request: range })
    const response = await fetch(`${this.#url}/v3/watch`, { method: 'POST', body, signal })
    const lines = createInterface({ input: Readable.from(response.body ?? []) })
    for await (const line of lines) {
      const { result } = JSON.parse(line) as WatchAnswer
      for (const { type, kv } of result?.events ?? []) {
        // A put is the default, and so left out.
        if (type === undefined) onPut(textOf(kv.key), textOf(kv.value ?? ''))
      }
    }
  }

  /** Writes past the adapter. */
  async put(key: string, value: string): Promise<void> {
    await this.#post('kv/put', { key: base64(key), value: base64(value) })
  }

  get #backup(): string {
    return `${this.#directory}.backup`
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** By etcd's own JSON gateway, so that no test rests on what it tests. */
  async #post(call: string, body: object): Promise<object> {
    const response = await fetch(`${this.#url}/v3/${call}`, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(2_000),
    })
    assert(response.ok, `etcd answered ${response.status} to ${call}`)
    return (await response.json()) as object
  }
}

interface WatchAnswer {
  readonly result?: {
    readonly events?: readonly {
      readonly type?: string
      readonly kv: { readonly key: string; readonly value?: string }
    }[]
  }
}

interface RangeAnswer {
  readonly kvs?: readonly { readonly value: string }[]
}

interface StatusAnswer {
  readonly header?: { readonly member_id: string; readonly revision: string }
  readonly leader?: string
}

function canRun(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function start(args: readonly string[]): ChildProcess {
  const child = spawn('etcd', args, { stdio: ['ignore', 'ignore', 'inherit'] })
  killWithUs(child)
  return child
}

/** Taken for a moment, all at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => {
    const address = server.address()
    assert(typeof address === 'object' && address !== null)
    return address.port
  })
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

function textOf(encoded: string): string {
  return Buffer.from(encoded, 'base64').toString('utf8')
}
