export { type BackoffOptions, backoffMs } from './backoff.ts'
export { checkedSize, decodeRequest, errorOfHandler } from './call-edge.ts'
export type { Clock, Timer } from './clock.ts'
export type { DirectoryLock, File, FileSystem } from './file-system.ts'
export type {
  KeyRange,
  KeyValueOperation,
  KeyValueStore,
  KeyValueStores,
} from './key-value-store.ts'
export { CLIENTS_LISTENER, ListenerSet, type NamedAddress } from './listener-set.ts'
export { type LogFields, type Logger, silentLogger } from './logger.ts'
export type { Random } from './random.ts'
export type { Runtime } from './runtime.ts'
export { sleepOn } from './sleep.ts'
export {
  accept,
  answer,
  type CallContext,
  type CallMetadata,
  type CallOptions,
  type Connection,
  type Handler,
  type Listener,
  type ListenOptions,
  type MessageStream,
  type StreamReceiver,
  type Transport,
} from './transport.ts'
