import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ComposeCluster } from './engine.ts'

const UNITS: Readonly<Record<string, number>> = { B: 2 ** -20, KiB: 2 ** -10, MiB: 1, GiB: 1_024 }
const LOOKS = 480
const LOOK_MS = 250

/** Resolves when Docker sees all of them as healthy. */
export async function untilHealthy(
  cluster: ComposeCluster,
  services: readonly string[],
): Promise<void> {
  const containers = await cluster.containersOf(...services)
  assert.equal(containers.length, services.length, 'every service has its container')
  const look = ['inspect', '--format', '{{.Name}} is {{.State.Health.Status}}', ...containers]
  let ill: string[] = []
  for (let looks = 0; looks < LOOKS; looks++) {
    const states = (await cluster.docker(...look)).trim().split('\n')
    ill = states.filter((state) => !state.endsWith('is healthy'))
    if (ill.length === 0) return
    await sleep(LOOK_MS)
  }
  throw new Error(ill.join(', '))
}

/** Of all of them together. */
export async function memoryMiB(
  cluster: ComposeCluster,
  services: readonly string[],
): Promise<number> {
  const containers = await cluster.containersOf(...services)
  const stats = ['stats', '--no-stream', '--format', '{{.MemUsage}}', ...containers]
  const lines = (await cluster.docker(...stats)).trim().split('\n')
  const used = lines.map((line) => {
    const [, number, unit = ''] = /^([\d.]+)(\w+)/.exec(line) ?? []
    const factor = UNITS[unit]
    assert(factor !== undefined, `${line} is no amount of memory`)
    return Number(number) * factor
  })
  return Math.round(used.reduce((sum, each) => sum + each, 0))
}

/** As `docker images` tells it. */
export async function imageMB(cluster: ComposeCluster, image: string): Promise<number> {
  const bytes = await cluster.docker('image', 'inspect', '--format', '{{.Size}}', image)
  return Math.round(Number(bytes) / 1e6)
}
