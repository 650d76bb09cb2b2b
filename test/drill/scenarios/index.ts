import { freezeMaster, killMaster, killSlave, powerCutAll, rollingRestart } from './members.ts'
import { randomFaults } from './random.ts'
import type { Scenario } from './scenario.ts'
import { killNameServers } from './surroundings.ts'

export const scenarios: readonly Scenario[] = [
  killMaster,
  freezeMaster,
  killSlave,
  rollingRestart,
  powerCutAll,
  killNameServers,
  randomFaults,
]
