import type { Runtime } from '@cometmq/runtime'
import type { NodeRuntime } from '@cometmq/runtime/node'

/** A runtime, and how to give it back. */
export interface BorrowedRuntime {
  readonly runtime: Runtime
  readonly release: () => Promise<void>
}

/**
 * The process's own runtime, shared by all its clients: so there is one connection from the process
 * to each broker, however many clients it makes. This is state of the module on purpose.
 */
let shared: { readonly runtime: Promise<NodeRuntime>; users: number } | undefined

export async function borrowNodeRuntime(): Promise<BorrowedRuntime> {
  shared ??= { runtime: open(), users: 0 }
  const borrowed = shared
  borrowed.users += 1
  const runtime = await borrowed.runtime
  return {
    runtime,
    release: async () => {
      borrowed.users -= 1
      if (borrowed.users > 0) return
      if (shared === borrowed) shared = undefined
      await runtime[Symbol.asyncDispose]()
    },
  }
}

/** Loaded when it is needed, for a caller that brings a runtime of its own should not pay for it. */
async function open(): Promise<NodeRuntime> {
  const { openNodeRuntime } = await import('@cometmq/runtime/node')
  // oxlint-disable-next-line import/no-nodejs-modules -- warnings of a library belong on the error stream of its user
  const { stderr } = await import('node:process')
  return openNodeRuntime({
    name: 'cometmq',
    logLevel: 'warn',
    logFormat: 'text',
    logDestination: { write: (line) => void stderr.write(line) },
  })
}
