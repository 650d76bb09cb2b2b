import type { Services } from '@cometmq/protocol'
import type { Transport } from '@cometmq/runtime'

const TIMEOUT_MS = 1_000

/** What name servers know of a broker group: how many have answered, and the highest epoch. */
export async function askNameServers(
  transport: Transport,
  { routes }: Services,
  about: { readonly nameServers: readonly string[]; readonly brokerName: string },
): Promise<{ readonly answered: number; readonly epoch: number }> {
  const answers = await Promise.all(
    about.nameServers.map(async (address) => {
      const connection = transport.connect(address)
      try {
        const { highestEpochs } = await connection.call(
          routes.DescribeCluster,
          {},
          { timeoutMs: TIMEOUT_MS },
        )
        return highestEpochs.find(({ brokerName }) => brokerName === about.brokerName)?.epoch ?? 0
      } catch {
        return undefined
      } finally {
        connection.close()
      }
    }),
  )
  const told = answers.filter((epoch) => epoch !== undefined)
  return { answered: told.length, epoch: Math.max(0, ...told) }
}
