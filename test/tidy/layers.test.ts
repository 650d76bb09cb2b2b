/**
 * Holds the table of layers, and everything that repeats it, to account.
 *
 * npm hoists workspaces, so an import of a sibling that was never declared resolves, compiles and
 * runs. Only this test notices it.
 */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync, Visitor } from 'oxc-parser'
import { describe, expect, test } from 'vitest'

/**
 * What each package may import from its siblings: never sideways, never in a circle. Packages that
 * are still to come have their row already.
 */
const layers: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  runtime: ['protocol'],
  store: ['protocol', 'runtime'],
  replication: ['protocol', 'runtime', 'store'],
  gateway: ['protocol', 'runtime'],
  nameserver: ['protocol', 'runtime', 'gateway'],
  broker: ['protocol', 'runtime', 'store', 'replication', 'gateway'],
  client: ['protocol', 'runtime'],
  dashboard: ['protocol', 'client'],
  cli: [
    'protocol',
    'runtime',
    'store',
    'replication',
    'gateway',
    'nameserver',
    'broker',
    'client',
    'dashboard',
  ],
  simulation: ['protocol', 'runtime'],
  testkit: ['simulation', 'nameserver', 'broker', 'client'],
}

/** What the tests of a package may import beside its row. It never ships, so no circle arises. */
const layersOfTests = ['simulation']

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Manifest {
  readonly name: string
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

const packages = globSync('packages/*/package.json', { cwd: root })
  .map((file) => path.basename(path.dirname(file)))
  .toSorted()
const manifests = new Map(
  packages.map((name) => [name, readJson<Manifest>(`packages/${name}/package.json`)]),
)
const sources = globSync('packages/*/{src,bin}/**/*.{ts,tsx,mts,cts,js,mjs}', { cwd: root }).filter(
  (file) => !file.split(path.sep).includes('generated'),
)

describe('the layers', () => {
  // A wrong glob would make every other test here pass without looking at anything.
  test('are checked on every package', () => {
    expect(packages).not.toEqual([])
    for (const name of packages) {
      expect(sources.some((file) => isInside(file, `packages/${name}`))).toBe(true)
    }
  })

  // A package without a row would be free to import anything.
  test('have a row for every package', () => {
    expect(packages.filter((name) => layers[name] === undefined)).toEqual([])
  })

  // Each row may name only rows above it, which is what makes a circle impossible.
  test('have no circle', () => {
    const settled = new Set<string>()
    const names = Object.keys(layers)
    for (const _ of names) {
      for (const name of names) {
        if (layers[name]?.every((below) => settled.has(below))) settled.add(name)
      }
    }

    expect(names.filter((name) => !settled.has(name))).toEqual([])
  })

  // What the table is for: the store that knows the broker can be tested only with a broker.
  test('are kept by every import', () => {
    const violations = sources.flatMap((file) => violationsIn(file))

    expect(violations).toEqual([])
  })

  // npm would install an undeclared layer for a user, or leave it out, by accident.
  test('are kept by the dependencies in every package.json', () => {
    const violations = packages.flatMap((name) => [
      ...siblingsIn(manifests.get(name)?.dependencies)
        .filter((sibling) => !layers[name]?.includes(sibling))
        .map((sibling) => `${name} must not depend on ${sibling}`),
      ...siblingsIn(manifests.get(name)?.devDependencies)
        .filter((sibling) => ![...(layers[name] ?? []), ...layersOfTests].includes(sibling))
        .map((sibling) => `${name} must not depend on ${sibling}, not even in its tests`),
    ])

    expect(violations).toEqual([])
  })

  // Siblings are released together. A range that the next version does not satisfy would make npm
  // fetch the published sibling instead of linking the one in the repository.
  test('depend on the very version of their siblings', () => {
    const wrong = packages.flatMap((name) => {
      const { dependencies, devDependencies } = manifests.get(name) ?? {}
      return Object.entries({ ...devDependencies, ...dependencies }).flatMap(([other, range]) => {
        const sibling = directoryOf(other)
        const version = sibling === undefined ? undefined : manifests.get(sibling)?.version
        return version === undefined || version === range ? [] : [`${name}: ${other} ${range}`]
      })
    })

    expect(wrong).toEqual([])
  })

  // Without the reference `tsc -b` builds in the wrong order; with one too many it waits for
  // something it does not need.
  test('are repeated by the references in every tsconfig.json', () => {
    for (const name of packages) {
      const references = referencesIn(`packages/${name}/tsconfig.json`)

      expect({ name, references }).toEqual({
        name,
        references: siblingsIn(manifests.get(name)?.dependencies)
          .map((sibling) => `packages/${sibling}`)
          .toSorted(),
      })
    }
  })

  // A package that no root project mentions is never compiled by `npm run check`.
  test('are all compiled by the root projects', () => {
    const all = packages.map((name) => `packages/${name}`)

    expect(referencesIn('tsconfig.json')).toEqual([...all, 'tsconfig.test.json'].toSorted())
    expect(referencesIn('tsconfig.test.json')).toEqual(all)
  })

  // oxlint shows a violation while one types it, so it should know the same table. The command
  // line may import whatever it lists and has no row there.
  test('are repeated by the linter', () => {
    const { overrides } = readJson<OxlintConfig>('.oxlintrc.json')
    for (const name of packages.filter((each) => each !== 'cli')) {
      const override = overrides.find(
        ({ files, rules }) =>
          files.includes(`packages/${name}/src/**`) && 'no-restricted-imports' in rules,
      )
      const [, options] = override?.rules['no-restricted-imports'] ?? []

      expect({ name, group: options?.patterns[0]?.group }).toEqual({
        name,
        group: [
          'cometmq',
          '@cometmq/**',
          ...(layers[name] ?? []).flatMap((below) => [
            `!@cometmq/${below}`,
            `!@cometmq/${below}/**`,
          ]),
        ],
      })
    }
  })
})

interface OxlintConfig {
  readonly overrides: readonly {
    readonly files: readonly string[]
    readonly rules: {
      readonly 'no-restricted-imports'?: readonly [
        string,
        { readonly patterns: readonly { readonly group: readonly string[] }[] },
      ]
    }
  }[]
}

/** Every import of `file` that the table or its package.json forbids, as sentences. */
function violationsIn(file: string): string[] {
  const [, name] = file.split(path.sep)
  assert(name !== undefined)
  const isTest = /\.test\.[^.]+$/.test(file)
  const allowed = [...(layers[name] ?? []), ...(isTest ? layersOfTests : [])]
  const manifest = manifests.get(name)
  const declared = siblingsIn({
    ...manifest?.dependencies,
    ...(isTest ? manifest?.devDependencies : {}),
  })

  return importsOf(file).flatMap((specifier) => {
    if (specifier.startsWith('.') || specifier.startsWith('/')) {
      const target = path.join(path.dirname(file), specifier)
      return isInside(target, `packages/${name}`)
        ? []
        : [`${file} leaves its package: ${specifier}`]
    }
    const sibling = directoryOf(specifier)
    if (sibling === undefined) return []
    if (!allowed.includes(sibling)) return [`${file} must not import ${specifier}`]
    if (!declared.includes(sibling)) {
      return [`${file} imports ${specifier}, which its package.json does not list`]
    }
    return []
  })
}

/** Every module that `file` names: static, dynamic, re-exported or in a type. */
function importsOf(file: string): string[] {
  const specifiers: string[] = []
  const add = (source: { readonly value?: unknown } | null): void => {
    if (typeof source?.value === 'string') specifiers.push(source.value)
  }
  const { program, errors } = parseSync(file, readFileSync(path.join(root, file), 'utf8'))
  // A file that does not parse would look like one without imports.
  assert.deepEqual(errors, [], `${file} does not parse`)

  new Visitor({
    ImportDeclaration: (node) => add(node.source),
    ExportNamedDeclaration: (node) => add(node.source),
    ExportAllDeclaration: (node) => add(node.source),
    ImportExpression: (node) => add(node.source as { value?: unknown }),
    TSImportType: (node) => add(node.source),
    CallExpression: (node) => {
      const [first] = node.arguments
      if (first?.type === 'Literal' && isResolver(node.callee)) add(first)
    },
  }).visit(program)
  return specifiers
}

/** Whether the callee is `require`, `require.resolve` or `import.meta.resolve`. */
function isResolver(callee: { readonly type: string }): boolean {
  if ('name' in callee) return callee.name === 'require'
  return (
    'property' in callee &&
    typeof callee.property === 'object' &&
    callee.property !== null &&
    'name' in callee.property &&
    callee.property.name === 'resolve'
  )
}

/** The folder under `packages/` of a sibling's specifier; undefined for everything else. */
function directoryOf(specifier: string): string | undefined {
  if (specifier === 'cometmq' || specifier.startsWith('cometmq/')) return 'cli'
  return /^@cometmq\/([^/]+)/.exec(specifier)?.[1]
}

function siblingsIn(dependencies: Readonly<Record<string, string>> = {}): string[] {
  return Object.keys(dependencies).flatMap((name) => directoryOf(name) ?? [])
}

/** The projects that a tsconfig refers to, from the root and sorted. */
function referencesIn(file: string): string[] {
  const { references = [] } = readJson<{ references?: { path: string }[] }>(file)
  return references
    .map((reference) => path.posix.join(path.posix.dirname(file), reference.path))
    .toSorted()
}

function isInside(file: string, directory: string): boolean {
  return !path.relative(directory, file).startsWith('..')
}

function readJson<T>(file: string): T {
  const place = path.join(root, file)
  assert(existsSync(place), `${file} is missing`)
  return JSON.parse(readFileSync(place, 'utf8')) as T
}
