import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Of what it said, the end is what tells why it failed. */
const KEPT_CHARACTERS = 400

/**
 * Runs a line of an operator's in his shell. Resolves when it has ended well; rejects with the last
 * that it said. Ended with us when `stop` is aborted.
 */
export async function runInShell(line: string, stop?: AbortSignal): Promise<void> {
  const child = spawn(line, {
    shell: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(stop === undefined ? {} : { signal: stop }),
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-KEPT_CHARACTERS)
    })
  }
  // Not `close`: what it has left running in the background may keep the pipes open.
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  if (code === 0) return
  const end = signal === null ? `code ${code}` : `${signal}`
  throw new Error(`\`${line}\` ended with ${end}: ${said.trim() || 'it said nothing'}`)
}
