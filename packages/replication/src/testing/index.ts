export { describeElector, type ElectorSubject } from './elector-contract.ts'
export { SimulatedElector } from './simulated-elector.ts'
export {
  type CutWay,
  type ElectorFaults,
  type ElectorMember,
  NO_FAULTS,
  SimulatedElectorServer,
} from './simulated-elector-server.ts'
