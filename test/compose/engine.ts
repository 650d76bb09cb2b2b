import { spawn, spawnSync } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const file = fileURLToPath(new URL('../../deploy/docker-compose.yml', import.meta.url))

/** `docker compose` of version 2, or docker-compose of version 1. */
export type ComposeCommand = readonly [program: string, ...args: string[]]

/** How compose is called here; or why it cannot be. */
export function findCompose(): ComposeCommand | { readonly why: string } {
  const engine = spawnSync('docker', ['info', '--format', '{{.ServerVersion}}'])
  if (engine.error !== undefined) return { why: 'there is no docker' }
  if (engine.status !== 0) return { why: 'no Docker engine answers' }
  for (const command of [['docker', 'compose'], ['docker-compose']] as const) {
    const [program, ...args] = command
    if (spawnSync(program, [...args, 'version']).status === 0) return [program, ...args]
  }
  return { why: 'there is neither "docker compose" nor docker-compose' }
}

/** The cluster of `deploy/docker-compose.yml` under a project name and ports of its own. */
export class ComposeCluster {
  readonly #compose: ComposeCommand
  readonly #project: string
  readonly #env: NodeJS.ProcessEnv

  constructor(compose: ComposeCommand, project: string, env: Readonly<Record<string, string>>) {
    this.#compose = compose
    this.#project = project
    this.#env = { ...process.env, ...env }
  }

  /** `docker compose <args>`; resolves to what it prints. */
  compose(...args: readonly string[]): Promise<string> {
    const [program, ...first] = this.#compose
    const all = [...first, '-p', this.#project, '-f', file, ...args]
    return run(program, all, this.#env)
  }

  docker(...args: readonly string[]): Promise<string> {
    return run('docker', args, this.#env)
  }

  /** Of those of these services that have one. Compose would take a second for each. */
  async containersOf(...services: readonly string[]): Promise<string[]> {
    const project = ['--filter', `label=com.docker.compose.project=${this.#project}`]
    const format = ['--format', '{{.ID}} {{.Label "com.docker.compose.service"}}']
    const lines = (await this.docker('ps', '--all', ...project, ...format)).trim().split('\n')
    return lines.flatMap((line) => {
      const [id = '', service = ''] = line.split(' ')
      return services.includes(service) ? [id] : []
    })
  }

  async containerOf(service: string): Promise<string> {
    const [id] = await this.containersOf(service)
    if (id === undefined) throw new Error(`${service} has no container`)
    return id
  }

  /** `comet <args>` in a container of its own in the cluster's network. */
  comet(args: readonly string[], input = ''): Promise<string> {
    const network = ['--network', `${this.#project}_cometmq`]
    const image = this.#env['COMETMQ_IMAGE'] ?? 'cometmq'
    const interactive = input === '' ? [] : ['-i']
    const all = ['run', '--rm', ...interactive, ...network, image, ...args]
    return run('docker', all, this.#env, input)
  }
}

async function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  input = '',
): Promise<string> {
  // Who reads nothing may have ended before anything is written.
  const stdin = input === '' ? 'ignore' : 'pipe'
  const child = spawn(program, args, { cwd: root, env, stdio: [stdin, 'pipe', 'pipe'] })
  const output: string[] = []
  const errors: string[] = []
  child.stdout?.on('data', (text: Buffer) => void output.push(text.toString()))
  child.stderr?.on('data', (text: Buffer) => void errors.push(text.toString()))
  child.stdin?.end(input)
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', reject)
  child.once('close', resolve)
  const code = await promise
  if (code === 0) return output.join('')
  const said = [...output, ...errors].join('').trim().split('\n').slice(-15).join('\n')
  throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${said}`)
}
