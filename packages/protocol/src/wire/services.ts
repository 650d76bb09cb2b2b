import { fileURLToPath } from 'node:url'
import {
  loadSync,
  type MessageTypeDefinition,
  type MethodDefinition,
  type PackageDefinition,
} from '@grpc/proto-loader'
import { CometError } from '../errors.ts'
import type { AdminDefinition } from '../generated/cometmq/v1/Admin.ts'
import type { ClusterDefinition } from '../generated/cometmq/v1/Cluster.ts'
import type { ReplicationDefinition } from '../generated/cometmq/v1/Replication.ts'
import type { RoutesDefinition } from '../generated/cometmq/v1/Routes.ts'
import type { Method } from './method.ts'

/** The rpcs of one service, by their names in the proto file. */
export type ServiceMethods<Definition> = {
  readonly [Name in keyof Definition]: Definition[Name] extends MethodDefinition<
    infer _RequestInput,
    infer _ResponseInput,
    infer Request,
    infer Response
  >
    ? Method<Request, Response>
    : never
}

/** Services whose messages are not hot: their codecs are made from `proto/` at run time. */
export interface Services {
  readonly admin: ServiceMethods<AdminDefinition>
  readonly cluster: ServiceMethods<ClusterDefinition>
  readonly routes: ServiceMethods<RoutesDefinition>
  /** Its frames with records are hot: see `followMethod`. */
  readonly replication: Pick<
    ServiceMethods<ReplicationDefinition>,
    'Inspect' | 'Checkpoint' | 'Appoint' | 'TakeOverlay'
  >
}

/**
 * Shared by all of a process, as whoever brings up several clients or brokers in it would wait for each.
 * This is state of the module on purpose: codecs keep nothing of what they have read.
 */
let shared: Services | undefined

/** Reads `proto/` when it is called first, which takes some 100 ms. */
export function loadServices(): Services {
  shared ??= readServices()
  return shared
}

function readServices(): Services {
  const definition = loadSync(
    ['admin', 'cluster', 'replication', 'routes'].map((name) => `cometmq/v1/${name}.proto`),
    {
      includeDirs: [fileURLToPath(new URL('../../proto/', import.meta.url))],
      longs: Number,
      enums: String,
      defaults: true,
      oneofs: true,
    },
  )
  makeCodecs(definition)
  const { Inspect, Checkpoint, Appoint, TakeOverlay } = methodsOf<ReplicationDefinition>(
    definition,
    'cometmq.v1.Replication',
  )
  return {
    admin: methodsOf<AdminDefinition>(definition, 'cometmq.v1.Admin'),
    cluster: methodsOf<ClusterDefinition>(definition, 'cometmq.v1.Cluster'),
    routes: methodsOf<RoutesDefinition>(definition, 'cometmq.v1.Routes'),
    replication: { Inspect, Checkpoint, Appoint, TakeOverlay },
  }
}

/**
 * Makes all codecs now. Else protobufjs writes and compiles each when its message is first met, for
 * half a millisecond; some travel only when a master changes, and all the cluster would wait for them.
 */
export function makeCodecs(definition: PackageDefinition): void {
  for (const each of Object.values(definition)) {
    const { serialize, deserialize } = each as Partial<MessageTypeDefinition<object, object>>
    if (serialize !== undefined) deserialize?.(serialize({}))
  }
}

/** The rpcs of one loaded service. */
export function methodsOf<Definition>(
  definition: PackageDefinition,
  name: string,
): ServiceMethods<Definition> {
  const service = definition[name] as Record<string, MethodDefinition<object, object>>
  const methods = Object.entries(service).map(([method, rpc]) => [method, methodOf(rpc)])
  return Object.fromEntries(methods) as ServiceMethods<Definition>
}

function methodOf(rpc: MethodDefinition<object, object>): Method<object, object> {
  return {
    path: rpc.path,
    kind: rpc.requestStream ? 'bidi' : rpc.responseStream ? 'server-stream' : 'unary',
    encodeRequest: rpc.requestSerialize,
    decodeRequest: (bytes) => decode(rpc.requestDeserialize, bytes),
    encodeResponse: rpc.responseSerialize,
    decodeResponse: (bytes) => decode(rpc.responseDeserialize, bytes),
  }
}

function decode(deserialize: (bytes: Buffer) => object, bytes: Buffer): object {
  try {
    return deserialize(bytes)
  } catch (cause) {
    throw new CometError('MALFORMED_REQUEST', 'the bytes are no such message', { cause })
  }
}
