import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DevCluster, run } from './comet-process.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))

let dev: DevCluster
let script: string

beforeAll(async () => {
  dev = await DevCluster.start()
  script = scriptOf(await readFile(`${root}README.md`, 'utf8'))
})
afterAll(() => dev[Symbol.asyncDispose]())

// The first thing that a newcomer tries. Whatever else is right, this must be.
describe('the script in the README', () => {
  test('has at most fifteen lines', () => {
    expect(script.split('\n').length).toBeLessThanOrEqual(15)
  })

  test('connects to where `comet dev` listens unless it is told otherwise', async () => {
    const { stdout } = await run(['dev', '--help'])

    expect(script).toContain("connect({ endpoints: 'localhost:9876' })")
    expect(stdout).toMatch(/--port .*9876/)
  })

  test('sends, consumes and ends by itself', async () => {
    const outcome = await runScript(script.replace('localhost:9876', dev.ready.nameserver))

    expect(outcome).toEqual({ code: 0, stderr: '', stdout: expect.any(String) })
    // Orders of two customers lie in two queues, so their order is nobody's promise.
    expect(outcome.stdout.trimEnd().split('\n').toSorted()).toEqual([
      'order 1: 10 (attempt 1)',
      'order 2: 20 (attempt 1)',
      'order 3: 30 (attempt 1)',
    ])
  })
})

/** The only TypeScript in the README. */
function scriptOf(readme: string): string {
  const found = [...readme.matchAll(/^```ts\n(.*?)\n```$/gms)]
  expect(found).toHaveLength(1)
  return found[0]?.[1] ?? ''
}

/** As the README says, but that the script comes from a pipe: a file would lie in the repository. */
async function runScript(
  source: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const args = ['--conditions=cometmq-source', '--input-type=module-typescript', '-']
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'pipe' })
  child.stdin.end(source)
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ])
  return { code, stdout, stderr }
}
