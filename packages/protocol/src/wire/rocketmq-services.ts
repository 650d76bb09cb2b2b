import { fileURLToPath } from 'node:url'
import { loadSync, type MethodDefinition } from '@grpc/proto-loader'
import type { MessagingServiceDefinition } from '../generated/apache/rocketmq/v2/MessagingService.ts'
import type { Method } from './method.ts'
import { methodsOf } from './services.ts'

/**
 * The calls of official RocketMQ clients, as a server has them: requests with every field, answers
 * with what is worth saying.
 */
export type MessagingMethods = {
  readonly [Name in keyof MessagingServiceDefinition]: MessagingServiceDefinition[Name] extends MethodDefinition<
    infer _RequestInput,
    infer ResponseInput,
    infer Request,
    infer _Response
  >
    ? Method<Request, ResponseInput>
    : never
}

/** Shared by all of a process, as in `services.ts`. */
let shared: MessagingMethods | undefined

/** Reads `proto/apache/rocketmq/v2` when it is called first, which takes some 20 ms. */
export function loadMessagingService(): MessagingMethods {
  shared ??= readMessagingService()
  return shared
}

function readMessagingService(): MessagingMethods {
  const definition = loadSync('apache/rocketmq/v2/service.proto', {
    includeDirs: [fileURLToPath(new URL('../../proto/', import.meta.url))],
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  })
  return methodsOf<MessagingServiceDefinition>(
    definition,
    'apache.rocketmq.v2.MessagingService',
  ) as MessagingMethods
}
