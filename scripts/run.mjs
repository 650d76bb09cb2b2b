/**
 * Runs one of the repository's commands with the repository's own Node, after installing what is
 * missing.
 *
 * Plain JavaScript without dependencies: on a fresh clone it is started by whatever Node the
 * machine has (20 or newer), before anything is installed.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { findNode } from './find-node.mjs'

const FROM_SOURCE = '--conditions=cometmq-source'

/** What each command hands to Node; the arguments of the caller follow. */
const commands = {
  quickstart: [FROM_SOURCE, 'scripts/quickstart.ts'],
  test: ['node_modules/vitest/vitest.mjs', 'run'],
  check: ['scripts/check.ts'],
  bench: [FROM_SOURCE, 'benchmarks/main.ts'],
  interop: [FROM_SOURCE, 'test/interop/main.ts'],
  conformance: [FROM_SOURCE, 'scripts/conformance.ts'],
  'compose:test': [FROM_SOURCE, 'test/compose/main.ts'],
  simulate: [FROM_SOURCE, 'test/simulation/main.ts'],
  drill: [FROM_SOURCE, 'test/drill/main.ts'],
}

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = path.join(root, 'node_modules', '.bin')

const [name, ...args] = process.argv.slice(2)
const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined
if (command === undefined) {
  fail(`usage: node scripts/run.mjs <${Object.keys(commands).join('|')}> [arguments]`)
}

if (!isInstalled()) install()
const node = findNode()
if (node === undefined) {
  fail('The sources need Node 24.12 or newer, and npm installed none that runs on this platform.')
}
run([...command, ...args])

/**
 * Whether `node_modules` holds what `package-lock.json` asks for, by content and not by date: a
 * checkout touches dates, and a needless install would pull the modules away from under whatever
 * else is running.
 */
function isInstalled() {
  const installed = packagesIn(path.join(root, 'node_modules', '.package-lock.json'))
  if (installed === undefined) return false
  const wanted = packagesIn(path.join(root, 'package-lock.json')) ?? {}
  return Object.entries(wanted).every(([place, entry]) => {
    // The other entries describe the workspaces themselves.
    if (!place.startsWith('node_modules/')) return true
    const found = installed[place]
    // An optional package may be missing: most of them are made for other platforms.
    if (found === undefined) return entry.optional === true
    return (
      found.version === entry.version &&
      found.integrity === entry.integrity &&
      found.link === entry.link
    )
  })
}

function packagesIn(lockfile) {
  if (!existsSync(lockfile)) return undefined
  return JSON.parse(readFileSync(lockfile, 'utf8')).packages
}

function install() {
  const start = Date.now()
  process.stderr.write('Installing dependencies (npm ci) …\n')
  // Only errors are shown: the machine's own Node may be older than what some packages declare,
  // and npm would warn about each of them although none of them runs on it.
  const npmArgs = ['ci', '--loglevel=error', '--no-audit', '--no-fund']
  // npm tells its scripts where it lies, which spares a shell and finds the npm that was called.
  const npm = process.env.npm_execpath
  const { status, error } =
    npm === undefined
      ? spawnSync('npm', npmArgs, {
          cwd: root,
          stdio: ['ignore', 2, 2],
          shell: process.platform === 'win32',
        })
      : spawnSync(process.execPath, [npm, ...npmArgs], { cwd: root, stdio: ['ignore', 2, 2] })
  if (error !== undefined) fail(`npm ci could not start: ${error.message}`)
  if (status !== 0) fail('npm ci failed; its messages are above.')
  process.stderr.write(`Installed in ${Math.round((Date.now() - start) / 1000)} s.\n`)
}

function run(nodeArgs) {
  const child = spawn(node, nodeArgs, {
    cwd: root,
    stdio: 'inherit',
    // What the command starts by name finds the same Node, and the repository's tools.
    env: {
      ...process.env,
      PATH: [path.dirname(node), bin, process.env.PATH ?? ''].join(path.delimiter),
    },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal already sent Ctrl-C to both processes; twice would mean "now, at once".
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  endWithShell(child)
  child.on('error', (error) => fail(`${node} could not start: ${error.message}`))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    // Ends as the child ended, so that a shell sees the signal.
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

/**
 * Ends the command when the shell ends that npm put between itself and this process. npm hands a
 * signal to that shell only, which dies of it and tells nobody; daemons would live on.
 */
function endWithShell(child) {
  if (process.env.npm_lifecycle_event === undefined) return
  const shell = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === shell) return
    clearInterval(watch)
    child.kill('SIGTERM')
  }, 200)
  watch.unref()
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
