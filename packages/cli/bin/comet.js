#!/usr/bin/env node
/**
 * Starts the command line, from source in the repository and from `dist` where it is installed.
 *
 * Plain JavaScript that any Node can parse, since the machine's own Node may be older than the one
 * which the sources need. Node strips no types under `node_modules`, so source mode is for the
 * repository only.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as module from 'node:module'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'

const source = new URL('../src/main.ts', import.meta.url)
const isRepository =
  !source.pathname.split('/').includes('node_modules') && existsSync(fileURLToPath(source))

if (!isRepository) {
  module.enableCompileCache?.()
  await import('../dist/main.js')
} else {
  // By URL, since it lies outside of this package and is never published with it.
  const finder = new URL('../../../scripts/find-node.mjs', import.meta.url)
  const { canRunSources, findNode } = await import(finder.href)
  if (canRunSources(process.versions.node)) {
    await runSources()
  } else {
    runWith(findNode())
  }
}

async function runSources() {
  module.enableCompileCache()
  // Node strips types with WebAssembly, each file once; optimising that takes more memory (10 MiB of
  // 129 on a first start) than it could ever give back.
  setFlagsFromString('--no-wasm-tier-up')
  setFlagsFromString('--no-wasm-dynamic-tiering')
  // The same condition as `--conditions=cometmq-source`, without a second process: it sends the
  // imports of sibling packages to their sources too.
  module.registerHooks({
    resolve: (specifier, context, nextResolve) =>
      nextResolve(specifier, {
        ...context,
        conditions: [...context.conditions, 'cometmq-source'],
      }),
  })
  await import(source.href)
}

/** Starts this file again with the Node that the repository brought. */
function runWith(node) {
  if (node === undefined) {
    process.stderr.write(
      `comet needs Node 24.12 or newer to run from source, and this is ${process.versions.node}. ` +
        'Run `npm ci` in the repository, which brings its own.\n',
    )
    process.exit(1)
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal already sent Ctrl-C to both processes; twice would mean "now, at once".
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.on('error', (error) => {
    process.stderr.write(`comet cannot start ${node}: ${error.message}\n`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    // Ends as the child ended, so that a shell sees the signal.
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
