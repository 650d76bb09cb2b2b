import { execFileSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const fresh = mkdtempSync(path.join(tmpdir(), 'comet-generated-'))
afterAll(() => rmSync(fresh, { recursive: true, force: true }))

// The compiler checks callers against these files, while proto-loader reads the proto files: where
// they differ, code compiles and fields are missing.
test.each([
  ['generate', 'packages/protocol/src/generated'],
  ['generate:etcd', 'packages/replication/src/generated'],
])('`npm run %s` has nothing to change', (script, folder) => {
  const committed = path.join(root, folder)
  const made = path.join(fresh, folder)
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>
  }
  const [command, ...args] = (manifest.scripts[script] ?? '').split(' ')
  const generator = createRequire(import.meta.url).resolve(
    '@grpc/proto-loader/build/bin/proto-loader-gen-types.js',
  )
  expect(command).toBe('proto-loader-gen-types')

  const places = args.map((arg) => (arg === folder ? made : arg))
  execFileSync(process.execPath, [generator, ...places], { cwd: root })

  const files = filesIn(made)
  expect(files).not.toEqual([])
  expect(filesIn(committed)).toEqual(files)
  for (const file of files) {
    expect(readFileSync(path.join(committed, file), 'utf8')).toBe(
      readFileSync(path.join(made, file), 'utf8'),
    )
  }
})

function filesIn(folder: string): string[] {
  return globSync('**/*.ts', { cwd: folder }).toSorted()
}
