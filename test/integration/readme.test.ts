import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { DevCluster } from './cli/comet-process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

// It is the first thing that anybody tries.
test("the README's script sends and consumes against comet dev", async () => {
  const readme = await readFile(path.join(root, 'README.md'), 'utf8')
  const script = /^```ts\n([\s\S]*?)^```/m.exec(readme)?.[1] ?? ''
  await using dev = await DevCluster.start()
  const args = ['--conditions=cometmq-source', '--input-type=module-typescript']
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(script.replace('localhost:9876', dev.ready.nameserver))

  const printed = (await text(child.stdout)).trimEnd().split('\n')

  expect(script.trim().split('\n').length).toBeLessThanOrEqual(15)
  expect(printed.toSorted()).toEqual([
    'order 1: 10 (attempt 1)',
    'order 2: 20 (attempt 1)',
    'order 3: 30 (attempt 1)',
  ])
})
