import type { BrokerDescription, Services } from '@cometmq/protocol'
import { answer, type Handler } from '@cometmq/runtime'

export function brokerHandlers({ admin }: Services, describe: () => BrokerDescription): Handler[] {
  return [answer(admin.DescribeBroker, async () => describe())]
}
