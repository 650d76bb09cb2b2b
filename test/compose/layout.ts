/** What `deploy/docker-compose.yml` starts. */
export const CLUSTER = 'compose'
export const NAME_SERVERS = ['ns-1', 'ns-2'] as const
export const ETCD = ['etcd-1', 'etcd-2', 'etcd-3'] as const
export const GROUPS = ['broker-a', 'broker-b'] as const
/** Of each broker group; service `broker-a-1` is member 1 of `broker-a`. */
export const MEMBERS = 2

export const BROKERS: readonly string[] = GROUPS.flatMap((group) => membersOf(group))
export const SERVICES: readonly string[] = [...NAME_SERVERS, ...ETCD, ...BROKERS]

export function membersOf(group: string): string[] {
  return Array.from({ length: MEMBERS }, (_, index) => serviceOf(group, index + 1))
}

export function serviceOf(group: string, brokerId: number): string {
  return `${group}-${brokerId}`
}

/** The variable that says at which port of the host a service is mapped. */
export function portVariableOf(service: string): string {
  return `COMETMQ_${service.toUpperCase().replaceAll('-', '_')}_PORT`
}
