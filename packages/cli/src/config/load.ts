import type * as z from 'zod'
import { closestWord } from '../suggest.ts'
import { readEnvironment } from './env.ts'
import { readSettingsFile } from './file.ts'
import type { Given } from './given.ts'
import { ConfigError, type Mistake } from './mistake.ts'
import { settingPaths } from './paths.ts'

export interface Sources {
  /** `undefined`: no file. */
  readonly file: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly flags: readonly Given[]
  /** Settings of other daemons, which the environment may hold as well. Only asked in doubt. */
  readonly foreign: () => Promise<readonly (readonly string[])[]>
}

export interface LoadedSettings<Settings> {
  readonly settings: Settings
  /** Key path → where its value came from; keys that are not in it have their default. */
  readonly sources: ReadonlyMap<string, string>
}

/**
 * Settings from file, environment and flags, the later winning, validated together.
 *
 * Throws `ConfigError` with every mistake in every source: an operator should not have to start a
 * daemon five times to hear of five mistakes.
 */
export async function loadSettings<Schema extends z.ZodType>(
  schema: Schema,
  from: Sources,
): Promise<LoadedSettings<z.infer<Schema>>> {
  const paths = settingPaths(schema)
  const file = await readSettingsFile(from.file, paths)
  const env = await readEnvironment(from.env, paths, from.foreign)
  const mistakes = [...file.mistakes, ...env.mistakes]
  const given: Given[] = [...file.given, ...env.given, ...from.flags]

  const { tree, sources } = merge(given)
  const parsed = schema.safeParse(tree)
  if (!parsed.success) {
    mistakes.push(...parsed.error.issues.flatMap((issue) => mistakesOf(issue, paths, sources)))
  }
  if (!parsed.success || mistakes.length > 0) throw new ConfigError(mistakes)
  return { settings: parsed.data, sources }
}

type Tree = { [key: string]: unknown }

function merge(given: readonly Given[]): { tree: Tree; sources: Map<string, string> } {
  const tree = emptyTree()
  const sources = new Map<string, string>()
  for (const { path, value, source } of given) {
    let branch = tree
    for (const name of path.slice(0, -1)) {
      const next = branch[name]
      branch = isTree(next) ? next : (branch[name] = emptyTree())
    }
    const last = path.at(-1)
    if (last !== undefined) branch[last] = value
    sources.set(path.join('.'), source)
  }
  return { tree, sources }
}

/** Without a prototype, so that no key means anything but itself. */
function emptyTree(): Tree {
  return Object.create(null) as Tree
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function mistakesOf(
  issue: z.core.$ZodIssue,
  paths: readonly (readonly string[])[],
  sources: ReadonlyMap<string, string>,
): Mistake[] {
  const path = issue.path.map(String)
  const key = path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const known = paths.map((candidate) => candidate.join('.'))
    return issue.keys.map((name) => {
      const unknown = [...path, name].join('.')
      return {
        key: unknown,
        source: sourceOf(unknown, sources),
        message: unknownKey(unknown, known),
      }
    })
  }
  const source = sources.get(key)
  if (issue.code === 'invalid_type') {
    return [{ key, source: sourceOf(key, sources), message: 'has settings below it, not a value' }]
  }
  if (issue.code === 'custom' && issue.params?.['together'] === true) {
    return [{ key, source: source ?? 'default', message: issue.message }]
  }
  if (source === undefined) {
    return [{ key, source: 'not given', message: `is needed: ${issue.message}` }]
  }
  return [{ key, source, message: `must be ${issue.message}` }]
}

/** The source of a key, or of the first key below it. */
function sourceOf(key: string, sources: ReadonlyMap<string, string>): string {
  const below = [...sources].find(([path]) => path === key || path.startsWith(`${key}.`))
  return below?.[1] ?? 'not given'
}

/** Says that there is no such key, and which one was meant. */
function unknownKey(key: string, known: readonly string[]): string {
  const sections = known.flatMap((path) =>
    path
      .split('.')
      .slice(0, -1)
      .map((_, index, names) => names.slice(0, index + 1).join('.')),
  )
  // A right name in the wrong section is as common as a misspelt one.
  const elsewhere = known.find((path) => path.split('.').at(-1) === key.split('.').at(-1))
  const meant = closestWord(key, [...known, ...sections]) ?? elsewhere
  return meant === undefined ? 'is no setting' : `is no setting; did you mean ${meant}?`
}
