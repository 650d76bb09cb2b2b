import { closestWord } from '../suggest.ts'
import type { Given } from './given.ts'
import type { Mistake } from './mistake.ts'

const PREFIX = 'COMETMQ_'

/** Variables of the command line itself. */
const OTHER_VARIABLES = ['COMETMQ_NAMESERVER', 'COMETMQ_CONFIG']

/**
 * What Kubernetes puts into every container for a service called `cometmq` or `cometmq-…`. No
 * setting may have such a name.
 */
const OF_KUBERNETES =
  /^COMETMQ_(?:.*_)?(?:SERVICE_HOST|SERVICE_PORT(?:_.*)?|PORT|PORT_\d+_(?:TCP|UDP)(?:_.*)?)$/

/** The environment variable of a setting: `store.retention.maxAge` is `COMETMQ_STORE_RETENTION_MAX_AGE`. */
export function environmentVariableOf(path: readonly string[]): string {
  const words = path.map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase())
  return PREFIX + words.join('_')
}

/**
 * The settings among the environment variables. `foreign` are settings of other daemons: one
 * environment often serves all of them, so they are neither used nor refused.
 */
export async function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  settings: readonly (readonly string[])[],
  foreign: () => Promise<readonly (readonly string[])[]>,
): Promise<{ given: Given[]; mistakes: Mistake[] }> {
  const pathsByName = new Map(settings.map((path) => [environmentVariableOf(path), path]))
  const given: Given[] = []
  const unknown: string[] = []
  for (const [name, value] of Object.entries(env)) {
    // Compose files pass variables on that are not set; they arrive empty.
    if (!name.startsWith(PREFIX) || value === undefined || value === '') continue
    const path = pathsByName.get(name)
    if (path !== undefined) given.push({ path, value, source: `environment ${name}` })
    else if (!OTHER_VARIABLES.includes(name) && !OF_KUBERNETES.test(name)) unknown.push(name)
  }
  if (unknown.length === 0) return { given, mistakes: [] }

  const foreignNames = (await foreign()).map(environmentVariableOf)
  const mistakes = unknown
    .filter((name) => !foreignNames.includes(name))
    .map((name) => {
      const meant = closestWord(name, [...pathsByName.keys(), ...OTHER_VARIABLES, ...foreignNames])
      const advice = meant === undefined ? '' : `; did you mean ${meant}?`
      return { key: name, source: 'environment', message: `is no setting${advice}` }
    })
  return { given, mistakes }
}
