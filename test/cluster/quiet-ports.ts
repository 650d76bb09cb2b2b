import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below those that Linux, macOS and Windows give to outgoing connections by themselves. */
const RANGE = { from: 20_000, to: 32_000 }

/**
 * Ports of this machine for processes that are killed and started again.
 *
 * A port that was free for the asking (port 0) is one that outgoing connections get as well: while
 * its process is away, somebody who dials it again and again may be given it as his own.
 */
export async function quietPorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  for (let tries = 0; ports.size < count; tries++) {
    assert(tries < 100 * count, 'this machine has no free ports')
    const port = RANGE.from + Math.floor(Math.random() * (RANGE.to - RANGE.from))
    if (!ports.has(port) && (await isFree(port))) ports.add(port)
  }
  return [...ports]
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
