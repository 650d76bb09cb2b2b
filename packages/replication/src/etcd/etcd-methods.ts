import { fileURLToPath } from 'node:url'
import { makeCodecs, methodsOf, type ServiceMethods } from '@cometmq/protocol'
import { loadSync } from '@grpc/proto-loader'
import type { KVDefinition } from '../generated/etcdserverpb/KV.ts'
import type { LeaseDefinition } from '../generated/etcdserverpb/Lease.ts'
import type { WatchDefinition } from '../generated/etcdserverpb/Watch.ts'

/** What we call of etcd. Not the `etcd3` package: it retries transactions and trusts the wall clock. */
export interface EtcdMethods {
  readonly kv: ServiceMethods<KVDefinition>
  readonly lease: ServiceMethods<LeaseDefinition>
  readonly watch: ServiceMethods<WatchDefinition>
}

/** Reads `proto/etcd`. Do it once per process: it takes some 20 ms. */
export function loadEtcdMethods(): EtcdMethods {
  const definition = loadSync('etcd/rpc.proto', {
    includeDirs: [fileURLToPath(new URL('../../proto/', import.meta.url))],
    // Ids of clusters and leases take all 64 bits.
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  })
  makeCodecs(definition)
  return {
    kv: methodsOf<KVDefinition>(definition, 'etcdserverpb.KV'),
    lease: methodsOf<LeaseDefinition>(definition, 'etcdserverpb.Lease'),
    watch: methodsOf<WatchDefinition>(definition, 'etcdserverpb.Watch'),
  }
}
