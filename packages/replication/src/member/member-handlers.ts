import { CometError, followMethod, type Services } from '@cometmq/protocol'
import { accept, answer, type Handler } from '@cometmq/runtime'
import { appointmentOf } from '../static/appointment.ts'
import type { GroupMember } from './group-member.ts'
import type { OverlaySource } from './overlay-exchange.ts'

/**
 * What members ask of each other, for the port that they know. `member` may throw as long as there
 * is none; `overlays` is of a broker that may stand in for its master.
 */
export function memberHandlers(
  methods: Services['replication'],
  member: () => GroupMember,
  overlays?: OverlaySource,
): Handler[] {
  return [
    accept(followMethod, (stream) => member().acceptSlave(stream)),
    accept(methods.Checkpoint, (stream) => member().giveCopy(stream)),
    accept(methods.TakeOverlay, (stream) => member().giveOverlay(stream, overlays)),
    answer(methods.Inspect, async ({ brokerName, epoch }) => {
      const asked = member()
      // Whoever asks knows of that epoch.
      if (brokerName === asked.brokerName) asked.epochSeen(epoch)
      return { ...asked.inspected, standsIn: overlays?.standsIn ?? false }
    }),
    answer(methods.Appoint, async ({ cluster, brokerName, appointment }) => {
      const asked = member()
      const isOurs = cluster === asked.cluster && brokerName === asked.brokerName
      if (!isOurs || !appointment || appointment.epoch < 1) {
        throw new CometError('ILLEGAL_ARGUMENT', 'an appointment for another broker group, or none')
      }
      await asked.appoint(appointmentOf(appointment))
      asked.obeyAppointment()
      return asked.inspected
    }),
  ]
}
