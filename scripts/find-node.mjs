import { spawnSync } from 'node:child_process'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const modules = fileURLToPath(new URL('../node_modules', import.meta.url))

/**
 * A Node that runs the sources: the one that npm installed for this platform, else the running
 * one; undefined if neither is new enough.
 *
 * The package is looked up by name and not through `node_modules/.bin/node`: npm 10 takes that
 * link away again when it drops the packages of other platforms, which all claim it.
 */
export function findNode() {
  const platform = process.platform === 'win32' ? 'win' : process.platform
  const own = [`node-${platform}-${process.arch}`, `node-bin-${platform}-${process.arch}`].map(
    (name) => path.join(modules, name, 'bin', platform === 'win' ? 'node.exe' : 'node'),
  )
  return [...own, process.execPath].find((node) => {
    // Run, and not only found: on a machine with another C library the file is there but useless.
    const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' })
    return stdout !== null && canRunSources(stdout.trim().slice(1))
  })
}

/** Types are stripped without a warning since 24.12. */
export function canRunSources(version) {
  const [major, minor] = version.split('.').map(Number)
  return major > 24 || (major === 24 && minor >= 12)
}
