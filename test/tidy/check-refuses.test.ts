/**
 * Proves that `npm run check` refuses what it should, with the very configuration of the
 * repository: a check that is never seen to fail may have stopped looking.
 *
 * Each test checks a copy of the configuration around sources of its own, so what the repository's
 * sources look like at the moment does not matter.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, glob, mkdir, mkdtempDisposable, readdir, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What decides the outcome of the check, beside the sources. */
const configuration = [
  '.gitignore',
  '.oxlintrc.json',
  'biome.json',
  'knip.json',
  'package.json',
  'tsconfig*.json',
  'vitest.config.ts',
  'scripts/{check,knip-count}.ts',
  'test/tidy/layers.test.ts',
]
const packageFiles = ['packages/*/{package,tsconfig}.json', 'packages/cli/bin/comet.js']

/** The smallest sources that fit the packages: every entry point exists and is empty. */
const emptySources: Readonly<Record<string, string>> = Object.fromEntries([
  ...[
    'broker',
    'client',
    'gateway',
    'nameserver',
    'protocol',
    'replication',
    'runtime',
    'simulation',
    'store',
  ].map((name) => [`packages/${name}/src/index.ts`, 'export {}\n']),
  ['packages/cli/src/main.ts', 'export {}\n'],
  ['packages/runtime/src/node/index.ts', 'export {}\n'],
  ['packages/simulation/src/contracts/index.ts', 'export {}\n'],
])

describe('npm run check', () => {
  // Without this, the refusals below might come from the copy and not from what is wrong in it.
  // Dead code is left out: nothing uses the dependencies of an empty package.
  test('accepts a copy in which nothing is wrong', async () => {
    const { steps, output } = await check({ sources: emptySources })

    expect(steps, output).toMatchObject({
      types: true,
      lint: true,
      format: true,
      layers: true,
    })
  })

  // One run for all of them, for each costs seconds.
  test('refuses what breaks a rule', async () => {
    const { exitCode, steps, output } = await check({
      sources: {
        ...emptySources,
        // Dead code is sought from the entry points on.
        'packages/store/src/index.ts': "import './unlisted.ts'\n",
        // A layer that reaches upwards, in the four ways to name a module.
        'packages/store/src/upwards.ts': "import '@cometmq/broker'\n",
        'packages/store/src/upwards-lazily.ts':
          "export const broker = await import('@cometmq/broker')\n",
        'packages/store/src/upwards-in-a-type.ts':
          "export type Broker = typeof import('@cometmq/broker')\n",
        'packages/store/src/upwards-again.ts': "export type {} from '@cometmq/broker'\n",
        // Allowed by the table, but not listed in package.json.
        'packages/cli/src/undeclared.ts': "import '@cometmq/gateway'\n",
        'packages/store/src/outside.ts': "import '../../broker/src/index.ts'\n",
        // Two files that need each other, if only for a type.
        'packages/store/src/chicken.ts':
          "import type { Egg } from './egg.ts'\n\nexport type Chicken = { eggs: Egg[] }\n",
        'packages/store/src/egg.ts':
          "import type { Chicken } from './chicken.ts'\n\nexport type Egg = { hen: Chicken }\n",
        // In the tree by way of another package, so it resolves.
        'packages/store/src/unlisted.ts': "import 'commander'\n",
        'packages/store/src/floating.ts':
          'async function save(): Promise<void> {}\n\nexport function close(): void {\n  save()\n}\n',
        'packages/store/src/clock.ts': 'export const start = Date.now()\n',
        'packages/store/src/disk.ts': "import 'node:fs'\n",
        'packages/store/src/wrong-type.ts': "export const retryCount: number = 'three'\n",
        'packages/store/src/layout.ts': 'export const answer = "42";\n',
      },
    })

    expect(exitCode, output).toBe(1)
    expect(steps, output).toEqual({
      types: false,
      lint: false,
      format: false,
      'dead code': false,
      layers: false,
    })
    const told = (step: string): string =>
      output.split(/^(?=✘ )/m).find((part) => part.startsWith(`✘ ${step}:`)) ?? ''
    for (const file of ['upwards', 'upwards-lazily', 'upwards-in-a-type', 'upwards-again']) {
      expect(told('layers')).toContain(`store/src/${file}.ts must not import @cometmq/broker`)
    }
    expect(told('layers')).toContain(
      'cli/src/undeclared.ts imports @cometmq/gateway, which its package.json does not list',
    )
    expect(told('layers')).toContain('store/src/outside.ts leaves its package')
    expect(told('lint')).toMatch(/no-cycle[^[]*\[packages\/store\/src\/(chicken|egg)\.ts/)
    expect(told('lint')).toMatch(/no-floating-promises[^[]*\[packages\/store\/src\/floating\.ts/)
    expect(told('lint')).toMatch(/no-restricted-imports[^[]*\[packages\/store\/src\/upwards\.ts/)
    expect(told('lint')).toMatch(/no-restricted-globals[^[]*\[packages\/store\/src\/clock\.ts/)
    expect(told('lint')).toMatch(/no-nodejs-modules[^[]*\[packages\/store\/src\/disk\.ts/)
    expect(told('dead code')).toMatch(
      /Unlisted dependencies[^✘]*commander +packages\/store\/src\/unlisted\.ts/,
    )
    expect(told('types')).toContain('packages/store/src/wrong-type.ts(1,')
    expect(told('format')).toContain('packages/store/src/layout.ts')
  })

  // The mistake that nobody notices: a moved folder or a changed glob, and everything is green.
  test('refuses to check nothing', async () => {
    const { exitCode, steps, output } = await check({ sources: {}, packages: false })

    expect(exitCode, output).toBe(1)
    expect(Object.values(steps), output).not.toContain(true)
  })
})

/** Runs the check on a copy of the configuration around `sources`, given by path. */
async function check(copy: {
  readonly sources: Readonly<Record<string, string>>
  readonly packages?: boolean
}): Promise<{ exitCode: number; steps: Record<string, boolean>; output: string }> {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'cometmq-check-'))
  const files = copy.packages === false ? configuration : [...configuration, ...packageFiles]
  for await (const file of glob(files, { cwd: root })) {
    await cp(path.join(root, file), path.join(folder.path, file))
  }
  for (const [file, text] of Object.entries(copy.sources)) {
    await mkdir(path.dirname(path.join(folder.path, file)), { recursive: true })
    await writeFile(path.join(folder.path, file), text)
  }
  await linkModules(folder.path)

  const child = spawn(process.execPath, ['scripts/check.ts'], {
    cwd: folder.path,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const [exitCode] = (await once(child, 'close')) as [number]
  // Some tools colour what they say as soon as they find themselves in CI.
  output = stripVTControlCharacters(output)
  const steps = Object.fromEntries(
    [...output.matchAll(/^([✔✘]) ([a-z]+(?: [a-z]+)?)/gm)].map(([, mark, name]) => [
      name,
      mark === '✔',
    ]),
  )
  return { exitCode, steps, output }
}

/** Gives the copy what is installed here, but its own packages and no cache of ours. */
async function linkModules(folder: string): Promise<void> {
  const modules = path.join(folder, 'node_modules')
  await mkdir(modules)
  for (const name of await readdir(path.join(root, 'node_modules'))) {
    if (name.startsWith('.') || name === '@cometmq' || name === 'cometmq') continue
    await symlink(path.join(root, 'node_modules', name), path.join(modules, name), 'junction')
  }
  for await (const manifest of glob('packages/*/package.json', { cwd: folder })) {
    const directory = path.dirname(manifest)
    const name =
      directory === path.join('packages', 'cli')
        ? 'cometmq'
        : `@cometmq/${path.basename(directory)}`
    await mkdir(path.dirname(path.join(modules, name)), { recursive: true })
    await symlink(path.join(folder, directory), path.join(modules, name), 'junction')
  }
}
