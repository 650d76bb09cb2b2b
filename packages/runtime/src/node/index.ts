export { type NodeRuntime, type NodeRuntimeOptions, openNodeRuntime } from './node-runtime.ts'
export { selfSigned, type TlsIdentity } from './self-signed.ts'
export type { LogDestination, LogLevel } from './pino-logger.ts'
