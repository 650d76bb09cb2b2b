export { Broker } from './broker.ts'
export type { BrokerCounters } from './broker-counters.ts'
export {
  alarmsOf,
  type BrokerState,
  type BrokerStatus,
  type ProcessProbes,
} from './broker-status.ts'
export { type BrokerConfig, brokerDefaults, checkBrokerConfig } from './config.ts'
export { runBroker, type RunParts } from './run-broker.ts'
export { type ReplicationConfig, replicationDefaults } from './replication-config.ts'
export type { DeliveryConfig } from './deliver/ports.ts'
export type { NameServerStatus } from './name-server-link.ts'
export type { IntakeLimits } from './produce/publish-budget.ts'
export type { TopicDefaults } from './topic-definition.ts'
