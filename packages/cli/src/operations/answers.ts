import type { Check, Health } from './health.ts'

export interface Answer {
  readonly status: 200 | 404 | 405 | 503
  readonly contentType: string
  readonly body: string
}

const TEXT = 'text/plain; charset=utf-8'
const NOWHERE = { pathname: '', searchParams: new URLSearchParams() }

/** What each path is about. */
const checksOf: Readonly<Record<string, (health: Health) => readonly Check[]>> = {
  // Whoever answers is alive.
  '/livez': () => [],
  '/startupz': ({ startup }) => startup,
  '/readyz': ({ startup, ready }) => [...startup, ...ready],
  '/safe-to-stop': ({ startup, safeToStop }) => [...startup, ...safeToStop],
  '/healthz': ({ startup, ready, other }) => [...startup, ...ready, ...other],
}

/**
 * Answers an orchestrator: 200 while every check is good, else 503. `?verbose` lists the checks, as
 * those of Kubernetes do; without it only those that are bad are listed.
 */
export function answer(
  request: { readonly method: string; readonly url: string },
  health: () => Health,
): Answer {
  const { pathname, searchParams } = URL.parse(request.url, 'http://localhost') ?? NOWHERE
  const checksFor = Object.hasOwn(checksOf, pathname) ? checksOf[pathname] : undefined
  if (checksFor === undefined) {
    const paths = [...Object.keys(checksOf), '/metrics'].join(' ')
    return { status: 404, contentType: TEXT, body: `there are ${paths}\n` }
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, contentType: TEXT, body: 'this can only be read\n' }
  }
  const checks = checksFor(health())
  const isGood = checks.every((check) => check.isGood)
  const shown = searchParams.has('verbose') ? checks : checks.filter((check) => !check.isGood)
  const lines = shown.map((check) => `[${check.isGood ? '+' : '-'}] ${check.name}: ${check.says}`)
  const body = [...lines, isGood ? 'ok' : 'not ok', ''].join('\n')
  return { status: isGood ? 200 : 503, contentType: TEXT, body }
}
