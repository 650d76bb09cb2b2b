import { diskFull, slowDisk } from './disks.ts'
import { freezeMaster, killMaster, killSlave, killTwice, stalls } from './members.ts'
import { lossyLink, partitionMaster } from './partitions.ts'
import { randomFaults } from './random.ts'
import { handOver, powerCutAll, rollingRestart } from './restarts.ts'
import type { Scenario } from './scenario.ts'
import { etcdRestore, hostLoss, killEtcd, killNameServers } from './surroundings.ts'

export const scenarios: readonly Scenario[] = [
  killMaster,
  killTwice,
  freezeMaster,
  stalls,
  partitionMaster,
  lossyLink,
  hostLoss,
  killSlave,
  diskFull,
  slowDisk,
  killNameServers,
  killEtcd,
  etcdRestore,
  handOver,
  rollingRestart,
  powerCutAll,
  randomFaults,
]
