/**
 * Runs the tests of the contract with official clients, and writes down which statement holds.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { statements } from '../test/conformance/statements.ts'

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[]
  }[]
}

const output = path.join(tmpdir(), `comet-conformance-${process.pid}.json`)
spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    'test/conformance',
    'packages/runtime/src/node/official-clients.test.ts',
    '--reporter=json',
    `--outputFile=${output}`,
  ],
  { stdio: ['ignore', 'ignore', 'inherit'] },
)
const report = JSON.parse(readFileSync(output, 'utf8')) as Report
rmSync(output)

const results = new Map<number, boolean>()
for (const { title, status } of report.testResults.flatMap((file) => file.assertionResults)) {
  const numbers = /^(?:\d+\. )+/.exec(title)?.[0].match(/\d+/g) ?? []
  for (const number of numbers.map(Number)) {
    results.set(number, status === 'passed' && results.get(number) !== false)
  }
}

const lines = statements.map(({ number, says, why }) => {
  const result = results.get(number)
  if (why !== undefined) return `| ${number} | ${says} | – | ${why} |`
  return `| ${number} | ${says} | ${result === undefined ? 'no test' : result ? 'pass' : 'FAIL'} | |`
})
const applicable = statements.filter(({ why }) => why === undefined)
const passed = applicable.filter(({ number }) => results.get(number) === true)
writeFileSync(
  'docs/conformance-v2.md',
  `# Official RocketMQ 5 clients: what holds

Written by \`npm run conformance\` from a run of \`test/conformance\`, where a client that speaks raw gRPC behaves as the contract says that the official
ones do. ${passed.length} of ${applicable.length} statements that apply hold.

| | statement | | |
| ---: | --- | --- | --- |
${lines.join('\n')}
`,
)
process.stdout.write(`${passed.length} of ${applicable.length} applicable statements hold\n`)
process.exitCode = passed.length === applicable.length ? 0 : 1
