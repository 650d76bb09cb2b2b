import type { Inspection as InspectionAnswer } from '@cometmq/protocol'
import { toCometError } from '@cometmq/protocol'
import type { Transport } from '@cometmq/runtime'
import type { GroupView } from '../elector.ts'
import type { InspectMethod } from './asking.ts'

/** A member that the elector knows of, and what it says itself. */
export interface Surveyed {
  readonly brokerId: number
  readonly address: string
  readonly isObserver: boolean
  /** It holds a lease. */
  readonly isAlive: boolean
  /** Undefined: it does not answer. */
  readonly answer: InspectionAnswer | undefined
  readonly why: string
}

/** Asks every member of the group at once. */
export function surveyGroup(
  transport: Transport,
  method: InspectMethod,
  question: {
    readonly view: GroupView
    readonly brokerName: string
    /** Who asks, which need not be asked. */
    readonly from: number
    readonly own: InspectionAnswer
    readonly timeoutMs: number
  },
): Promise<Surveyed[]> {
  const { view, brokerName, from, own, timeoutMs } = question
  const request = { brokerName, from, epoch: own.epoch }
  const ids = [...view.members.keys()].toSorted((a, b) => a - b)
  return Promise.all(
    ids.map(async (brokerId) => {
      const live = view.live.get(brokerId)?.value
      const record = view.members.get(brokerId)?.value
      const address = live?.replicationAddress ?? record?.replicationAddress ?? ''
      const isObserver = record?.observer ?? false
      const about = { brokerId, address, isObserver, isAlive: live !== undefined }
      if (brokerId === from) return { ...about, answer: own, why: '' }
      const connection = transport.connect(address)
      try {
        const answer = await connection.call(method, request, { timeoutMs })
        const isOther = answer.member?.brokerId !== brokerId
        if (!isOther) return { ...about, answer, why: '' }
        const why = `member ${answer.member?.brokerId} answers at its address`
        return { ...about, answer: undefined, why }
      } catch (thrown) {
        return { ...about, answer: undefined, why: toCometError(thrown).message }
      } finally {
        connection.close()
      }
    }),
  )
}
