import { CometError, type Inspection as InspectionAnswer, type Services } from '@cometmq/protocol'
import type { Runtime } from '@cometmq/runtime'
import type { GroupMember } from '../member/group-member.ts'
import { type Appointment, appointmentAnswer } from './appointment.ts'
import { type Asked, checkPromotion, lossOf, type PromoteWish } from './promotion.ts'
import type { StaticElector, StaticGroup } from './static-elector.ts'

export interface PromotePorts extends Pick<Runtime, 'clock' | 'random' | 'transport' | 'log'> {
  readonly elector: StaticElector
  readonly methods: Services['replication']
  readonly member: Pick<GroupMember, 'inspected' | 'appoint' | 'obeyAppointment'>
}

/** Whose reign begins as soon as it has all that others have of the log. */
export interface Promoted {
  /** The one that is over; the next is the new master's. */
  readonly epoch: number
  readonly master: number
  readonly tookMs: number
  readonly loss: Appointment['loss']
}

const ASK_MS = 2_000
const APPOINT_MS = 5_000
const ID_BYTES = 4
/**
 * A master that does not answer may have begun epochs, one with each start, that nobody has heard of.
 * Two masters of one epoch would be two histories under one name.
 */
const UNHEARD_EPOCHS = 1_000_000

/**
 * Makes a member master by an operator's word: fences every member that answers, the old master first,
 * so that nobody appends any more; then names the new one, which fetches what it lacks of the longest
 * log and begins its epoch. Resolves when it is named.
 *
 * Throws what `checkPromotion` says, with nothing done; `STALE_EPOCH` if another promotion is under way;
 * `TIMEOUT` if a member stopped answering on the way. The group then stands without a master, and the
 * command is given again.
 */
export async function promote(
  ports: PromotePorts,
  group: Pick<StaticGroup, 'cluster' | 'brokerName' | 'me' | 'members' | 'minInSync'>,
  wish: PromoteWish,
): Promise<Promoted> {
  const { clock, random, log, elector } = ports
  const beganMs = clock.elapsedMs()
  const asked = await askAll(ports, group.me)
  const scene = { master: elector.appointment.master, minInSync: group.minInSync, asked }
  checkPromotion(scene, wish)
  const isAnySilent = asked.some(({ answer }) => answer === undefined)
  const known = Math.max(elector.appointment.epoch, ...asked.map(epochOf))
  const epoch = known + 1 + (isAnySilent ? UNHEARD_EPOCHS : 0)
  const by = `promotion ${random.hex(ID_BYTES)}`
  log.warn({ epoch, to: wish.to, by }, 'an operator promotes a member')
  const fence: Appointment = { epoch, master: undefined, by, loss: undefined }
  const reached = asked.filter(({ answer }) => answer !== undefined).map(({ brokerId }) => brokerId)
  // The old master first: whatever the others have, it appends nothing from then on.
  const others = reached.filter((id) => id !== scene.master)
  const old = reached.filter((id) => id === scene.master)
  const fenced = [
    ...(await Promise.all(old.map((id) => appoint(ports, group, id, fence)))),
    ...(await Promise.all(others.map((id) => appoint(ports, group, id, fence)))),
  ]
  const loss = lossOf({ ...scene, asked: asFenced(asked, fenced) }, wish, epoch + 1)
  const next: Appointment = { epoch, master: wish.to, by, loss }
  await appoint(ports, group, wish.to, next)
  const rest = reached.filter((id) => id !== wish.to)
  // Who does not hear it now asks the others within a second.
  await Promise.allSettled(rest.map((id) => appoint(ports, group, id, next)))
  if (wish.to === group.me) ports.member.obeyAppointment()
  return { epoch, master: wish.to, tookMs: clock.elapsedMs() - beganMs, loss }
}

type AskedAll = Asked & { readonly answer: InspectionAnswer | undefined }

async function askAll({ elector, member }: PromotePorts, me: number): Promise<AskedAll[]> {
  const peers = await elector.ask(ASK_MS)
  const own = { brokerId: me, answer: member.inspected }
  return [...peers, own].toSorted((a, b) => a.brokerId - b.brokerId)
}

function epochOf({ answer }: AskedAll): number {
  return Math.max(answer?.epoch ?? 0, answer?.appointment?.epoch ?? 0)
}

/** What members told of their logs when nobody appended any more. */
function asFenced(
  asked: readonly AskedAll[],
  fenced: readonly InspectionAnswer[],
): readonly AskedAll[] {
  return asked.map((each) => ({
    ...each,
    answer: fenced.find(({ member }) => member?.brokerId === each.brokerId) ?? each.answer,
  }))
}

async function appoint(
  { transport, methods, member }: PromotePorts,
  {
    cluster,
    brokerName,
    me,
    members,
  }: Pick<StaticGroup, 'cluster' | 'brokerName' | 'me' | 'members'>,
  brokerId: number,
  appointment: Appointment,
): Promise<InspectionAnswer> {
  if (brokerId === me) {
    await member.appoint(appointment)
    return member.inspected
  }
  const connection = transport.connect(members.get(brokerId) ?? '')
  try {
    const request = { cluster, brokerName, appointment: appointmentAnswer(appointment) }
    return await connection.call(methods.Appoint, request, { timeoutMs: APPOINT_MS })
  } catch (thrown) {
    if (thrown instanceof CometError && thrown.code === 'STALE_EPOCH') throw thrown
    throw new CometError(
      'TIMEOUT',
      `member ${brokerId} has stopped answering on the way, and the broker group has no master now; give the command again`,
      { cause: thrown },
    )
  } finally {
    connection.close()
  }
}
