export { EtcdElector, type EtcdElectorOptions, type EtcdPorts } from './etcd-elector.ts'
export { defaultEtcdTiming, type EtcdTiming } from './etcd-timing.ts'
