export { type NodeRuntime, type NodeRuntimeOptions, openNodeRuntime } from './node-runtime.ts'
export type { LogDestination, LogLevel } from './pino-logger.ts'
