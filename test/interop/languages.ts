import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

/** How to run the program of a language. */
export interface Language {
  readonly name: string
  readonly command: readonly string[]
  /** What it makes of a server's certificate, where it can be told to use TLS. */
  readonly tls: 'verifies' | 'takes any' | 'none'
  /** Why it cannot run here. */
  readonly missing: () => string | undefined
}

const place = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const javaFolder = place('java')
const python = process.env['INTEROP_PYTHON'] ?? 'python3'

export const languages: readonly Language[] = [
  {
    name: 'node',
    command: [process.execPath, place('node/client.ts')],
    tls: 'verifies',
    missing: () => undefined,
  },
  {
    name: 'python',
    command: [python, place('python/client.py')],
    tls: 'none',
    missing: () =>
      spawnSync(python, ['-c', 'import rocketmq']).status === 0
        ? undefined
        : `${python} has no package rocketmq-python-client; name one that has it in INTEROP_PYTHON`,
  },
  {
    name: 'java',
    command: [
      'java',
      '-cp',
      ['classes', 'dependency/*'].map((part) => `${javaFolder}/target/${part}`).join(':'),
      'Client',
    ],
    tls: 'takes any',
    missing: () => {
      const goals = ['compile', 'dependency:copy-dependencies']
      const built = spawnSync('mvn', ['-q', '-f', `${javaFolder}/pom.xml`, ...goals])
      if (built.error !== undefined) return 'there is no mvn'
      const [why] = /ERROR.*/.exec(built.stdout.toString()) ?? ['it fails']
      return built.status === 0 ? undefined : `mvn cannot build its client: ${why}`
    },
  },
]
