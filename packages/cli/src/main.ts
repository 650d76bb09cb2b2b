/** Answers `--version` until the commands exist. */
import { readFileSync } from 'node:fs'
import process from 'node:process'

const manifest: { version: string } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
)
process.stdout.write(`${manifest.version}\n`)
