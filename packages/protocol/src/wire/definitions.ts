import { fileURLToPath } from 'node:url'
import { loadSync } from '@grpc/proto-loader'

/** Everything in `proto/`, as gRPC reflection shows it. */
export function loadDefinitions(): object {
  const services = ['admin', 'broker', 'cluster', 'replication', 'routes'].map(
    (name) => `cometmq/v1/${name}.proto`,
  )
  return loadSync([...services, 'apache/rocketmq/v2/service.proto'], {
    includeDirs: [fileURLToPath(new URL('../../proto/', import.meta.url))],
  })
}
