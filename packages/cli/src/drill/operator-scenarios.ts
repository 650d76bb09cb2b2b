/** A fault that an operator brings about in his own cluster, and what the cluster owes him then. */
export interface OperatorScenario {
  readonly name: OperatorScenarioName
  readonly about: string
  /** What a person is asked to do; places in braces are filled in. */
  readonly fault: string
  readonly heal: string
  /** Whether other broker groups may stand still as well. */
  readonly concerns: 'group' | 'cluster'
  /** Whether a group may get another master for it. */
  readonly elects: boolean
  /** For how long groups with slaves may be away; none: that is told and not judged. */
  readonly goalMs: number | 'none'
  readonly needsSlaves: boolean
}

export type OperatorScenarioName =
  | 'hand-over'
  | 'kill-master'
  | 'freeze-master'
  | 'partition-master'
  | 'host-loss'
  | 'disk-full'
  | 'slow-disk'
  | 'kill-slave'
  | 'kill-nameservers'
  | 'kill-etcd'
  | 'power-cut-all'

const MASTER = 'the master of {brokerName} (member {master}, {masterAddress})'
const SLAVE = 'a slave of {brokerName} (member {slave}, {slaveAddress})'

const OF_GROUP = { concerns: 'group', elects: true, needsSlaves: false } as const
const OF_CLUSTER = { concerns: 'cluster', elects: false, needsSlaves: false } as const

/** Goals are those of `npm run drill`, with its names. */
export const operatorScenarios: readonly OperatorScenario[] = [
  {
    ...OF_GROUP,
    name: 'hand-over',
    about: 'the master is asked to hand over; the only fault that needs no command',
    fault: `ask ${MASTER} to hand over`,
    heal: '',
    goalMs: 200,
    needsSlaves: true,
  },
  {
    ...OF_GROUP,
    name: 'kill-master',
    about: 'the process of the master is gone',
    fault: `kill ${MASTER}`,
    heal: 'start it again',
    goalMs: 1_500,
  },
  {
    ...OF_GROUP,
    name: 'freeze-master',
    about: 'the master stands still, and does not close its connections',
    fault: `stop ${MASTER} with SIGSTOP`,
    heal: 'let it go on with SIGCONT',
    goalMs: 3_000,
  },
  {
    ...OF_GROUP,
    name: 'partition-master',
    about: 'the network of the master is cut',
    fault: `cut the network of ${MASTER}`,
    heal: 'mend it',
    goalMs: 3_000,
  },
  {
    ...OF_GROUP,
    name: 'host-loss',
    about: 'the machine of the master is gone, with whatever else runs there',
    fault: `take away the machine of ${MASTER}`,
    heal: 'bring it back',
    concerns: 'cluster',
    goalMs: 4_000,
  },
  {
    ...OF_GROUP,
    name: 'disk-full',
    about: 'the disk of the master is full',
    fault: `fill the disk of ${MASTER}`,
    heal: 'free it',
    goalMs: 'none',
  },
  {
    ...OF_GROUP,
    name: 'slow-disk',
    about: 'flushes of the master take seconds',
    fault: `slow down the disk of ${MASTER}`,
    heal: 'let it be as fast as before',
    goalMs: 'none',
  },
  {
    ...OF_GROUP,
    name: 'kill-slave',
    about: 'the process of a slave is gone; nobody may be elected',
    fault: `kill ${SLAVE}`,
    heal: 'start it again',
    elects: false,
    goalMs: 1_200,
    needsSlaves: true,
  },
  {
    ...OF_CLUSTER,
    name: 'kill-nameservers',
    about: 'name servers are gone, some or all; nobody may be elected',
    fault: 'kill name servers',
    heal: 'start them again',
    goalMs: 200,
  },
  {
    ...OF_CLUSTER,
    name: 'kill-etcd',
    about: 'etcd is gone, in part or as a whole; nobody may be elected',
    fault: 'kill etcd, or a member of it',
    heal: 'start it again',
    goalMs: 500,
    needsSlaves: true,
  },
  {
    ...OF_CLUSTER,
    name: 'power-cut-all',
    about: 'all brokers are gone at once',
    fault: 'cut the power of all brokers',
    heal: 'start all of them again',
    elects: true,
    goalMs: 'none',
  },
]
