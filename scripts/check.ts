/**
 * Runs every check of the repository side by side and prints one line for each that holds.
 *
 * A check that found nothing to check fails: a wrong glob or a tool that no longer understands the
 * sources must not look like success. So each step says how many things it looked at, and this is
 * compared with what lies under `packages/`.
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import process from 'node:process'

interface Step {
  readonly name: string
  /** The script of the tool, and its arguments. */
  readonly command: readonly string[]
  /** What is counted, in the plural. */
  readonly unit: string
  /** Finds in the output how many were checked. */
  readonly count: (output: string) => number
  /** How many it must have looked at. */
  readonly atLeast: number
  /** Drops lines that only serve the count, before the output of a failure is shown. */
  readonly noise?: RegExp
}

const packageCount = globSync('packages/*/package.json').length
const sourceCount = globSync('packages/*/src/**/*.ts').filter(
  (file) => !file.includes('generated'),
).length

const steps: readonly Step[] = [
  {
    name: 'types',
    command: ['node_modules/typescript/bin/tsc', '--build', '--verbose'],
    unit: 'projects',
    // The root project, which only lists the others, is always there.
    count: (output) => (output.match(/^ +\* .*tsconfig.*\.json$/gm)?.length ?? 0) - 1,
    atLeast: packageCount,
    noise: /^(\d+:\d+:\d+ .*| +\* .*|\s*)$/,
  },
  {
    name: 'lint',
    command: ['node_modules/oxlint/bin/oxlint'],
    unit: 'files',
    count: numberIn(/ on (\d+) files? with \d+ rules/),
    atLeast: sourceCount,
  },
  {
    name: 'format',
    command: ['node_modules/@biomejs/biome/bin/biome', 'format'],
    unit: 'files',
    count: numberIn(/^Checked (\d+) files?/m),
    atLeast: sourceCount,
  },
  {
    name: 'dead code',
    command: [
      'node_modules/knip/bin/knip.js',
      '--no-progress',
      '--no-config-hints',
      '--reporter=symbols',
      '--reporter=./scripts/knip-count.ts',
    ],
    unit: 'files',
    count: numberIn(/^knip looked at (\d+) files$/m),
    atLeast: sourceCount,
    noise: /^knip looked at/,
  },
  {
    name: 'layers',
    command: ['node_modules/vitest/vitest.mjs', 'run', 'test/tidy/layers.test.ts'],
    unit: 'rules',
    count: numberIn(/Tests +(\d+) passed/),
    atLeast: 1,
  },
]

const answers = await Promise.all(steps.map(run))
process.exitCode = answers.every((holds) => holds) ? 0 : 1

async function run(step: Step): Promise<boolean> {
  const start = Date.now()
  const { output, exitCode } = await outputOf(step.command)
  const seconds = ((Date.now() - start) / 1000).toFixed(1)
  const count = step.count(output)

  if (exitCode === 0 && count > 0 && count >= step.atLeast && sourceCount > 0) {
    console.log(`✔ ${step.name.padEnd(9)}  ${`${count} ${step.unit}`.padEnd(12)}  ${seconds} s`)
    return true
  }
  const why =
    exitCode === 0 ? `checked ${count} of ${step.atLeast} ${step.unit}` : `failed (${exitCode})`
  const shown = output.split(/\r?\n/).filter((line) => step.noise?.test(line) !== true)
  console.log(`✘ ${step.name}: ${why}\n${shown.join('\n').trim()}\n`)
  return false
}

async function outputOf(
  command: readonly string[],
): Promise<{ output: string; exitCode: number | string }> {
  const child = spawn(process.execPath, command, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // The counts are read from the output, so it must come without colours.
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
  })
  const exit = new Promise<number | string>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  return { exitCode: await exit, output }
}

function numberIn(pattern: RegExp): (output: string) => number {
  return (output) => Number(pattern.exec(output)?.[1] ?? 0)
}
