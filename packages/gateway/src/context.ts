import type { MessagingMethods } from '@cometmq/protocol/rocketmq'
import type { GatewayConfig } from './config.ts'
import type { Forwarding } from './forward.ts'
import type { MasterWaits } from './master-waits.ts'
import type { Owners } from './owner.ts'
import type { GatewayPorts } from './ports.ts'
import type { Sessions } from './sessions.ts'

/** What the calls of one gateway share. */
export interface GatewayContext extends GatewayPorts {
  readonly config: GatewayConfig
  readonly methods: MessagingMethods
  readonly owners: Owners
  readonly forwarding: Forwarding
  readonly sessions: Sessions
  readonly waits: MasterWaits
}
