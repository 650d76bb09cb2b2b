export { type GatewayConfig, gatewayDefaults } from './config.ts'
export { Gateway } from './gateway.ts'
export type {
  ClusterView,
  Consumer,
  GatewayPorts,
  HeldMessage,
  LocalBroker,
  MasterPlace,
  Queue,
  ReadOutcome,
  ReadRequest,
  Receipt,
  ReceiptAction,
  ReceiptOutcome,
  Received,
  ReceivedPart,
  ReceiveRequest,
  Segment,
  TopicMethods,
  TopicSubscription,
} from './ports.ts'
