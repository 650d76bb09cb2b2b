import {
  CometError,
  commitLogOffset,
  EpochHistory,
  type Inspection as InspectionAnswer,
  type Services,
} from '@cometmq/protocol'
import type { Runtime } from '@cometmq/runtime'
import type { MessageStore } from '@cometmq/store'
import { followPoint, lastRecordEpoch, type LogState } from '../log-state.ts'
import { logStateOf } from '../member/first-state.ts'
import { copyTail } from './copy-tail.ts'
import { type FirstLook, waitsFor } from './first-look.ts'
import type { PeerAnswer, StaticElector, StaticGroup } from './static-elector.ts'

export interface PlacePorts extends Pick<Runtime, 'clock' | 'log' | 'transport'> {
  readonly store: Pick<MessageStore, 'log'>
  readonly elector: StaticElector
  readonly methods: Services['replication']
  /** What name servers know of the group: how many have answered, and the highest epoch. */
  readonly askNameServers: () => Promise<{ readonly answered: number; readonly epoch: number }>
}

export interface PlaceOptions
  extends Pick<StaticGroup, 'cluster' | 'brokerName' | 'members' | 'minInSync'>,
    Pick<FirstLook, 'isTrusted' | 'nameServers' | 'startsAlone'> {}

export type Place =
  /** It may begin: as the master that it is appointed to be, with all that others have, or as a slave. */
  | { readonly kind: 'ready' }
  /** It has nothing, and the member at that address has. */
  | { readonly kind: 'starts-over'; readonly from: string }

/** At a start a member has more time to answer than in a group that runs. */
const ASK_MS = 2_000
const ASK_AGAIN_MS = 200

/**
 * What a member of a static group does before it takes its place: a slave nothing; the appointed
 * master makes sure that no other one was promoted while it was away, and takes from the others what
 * it has lost of its log. Without that the next handshake would cut acknowledged messages from them.
 *
 * Resolves when it may begin, however long that takes; rejects with `CANCELLED` when `signal` is aborted.
 */
export async function findPlace(
  ports: PlacePorts,
  options: PlaceOptions,
  signal: AbortSignal,
): Promise<Place> {
  const { clock, log, elector } = ports
  const beganMs = clock.elapsedMs()
  let told = ''
  for (;;) {
    const answers = await elector.ask(ASK_MS)
    if (!elector.isAppointed) return { kind: 'ready' }
    const why =
      (await waitingFor(ports, options, { answers, beganMs })) ??
      (await makeWhole(ports, options, answers))
    if (why === undefined) return { kind: 'ready' }
    if (typeof why !== 'string') return why
    if (why !== told) log.info({ why }, 'the appointed master waits')
    told = why
    await clock.sleep(ASK_AGAIN_MS, signal)
  }
}

async function waitingFor(
  { clock, elector, askNameServers }: PlacePorts,
  { members, minInSync, isTrusted, nameServers, startsAlone }: PlaceOptions,
  { answers, beganMs }: { readonly answers: readonly PeerAnswer[]; readonly beganMs: number },
): Promise<string | undefined> {
  const told = await askNameServers()
  return waitsFor({
    memberCount: members.size,
    minInSync,
    isTrusted,
    answered: answers.filter(({ answer }) => answer !== undefined).length,
    nameServers,
    nameServersAnswered: told.answered,
    nameServersEpoch: told.epoch,
    epoch: elector.appointment.epoch,
    waitedMs: clock.elapsedMs() - beganMs,
    startsAlone,
  })
}

/** Undefined: nobody has more than this log; else why it has to be looked again, or where all of it is. */
async function makeWhole(
  { log, transport, methods, store }: PlacePorts,
  { cluster, brokerName }: PlaceOptions,
  answers: readonly PeerAnswer[],
): Promise<Place | string | undefined> {
  const own = logStateOf(store)
  const best = bestOf(answers)
  if (best === undefined || !hasMore(best.answer, own)) return undefined
  const { brokerId, address: from } = best
  if (own.maxOffset === 0) return { kind: 'starts-over', from }
  const { cutTo, losesConfirmed } = followPoint(own, logOf(best.answer))
  if (cutTo === undefined || losesConfirmed) {
    return `its log and that of member ${brokerId} part below ${own.confirmOffset}, up to where its own is confirmed; promote the one that is to be kept, and begin the other with an empty folder`
  }
  try {
    await store.log.truncateTo(cutTo)
    const bytes = await copyTail(transport, methods.Checkpoint, store, {
      cluster,
      brokerName,
      from,
    })
    log.warn({ from: cutTo, bytes, member: brokerId }, 'the end of the log was lost, and is back')
    return 'the log has changed'
  } catch (error) {
    if (!(error instanceof CometError)) throw error
    log.warn({ member: brokerId, error }, 'the end of the log could not be fetched')
    return `member ${brokerId} has more of the log, which cannot be fetched`
  }
}

type Told = PeerAnswer & { readonly answer: InspectionAnswer }

function bestOf(answers: readonly PeerAnswer[]): Told | undefined {
  return answers
    .filter((each): each is Told => each.answer !== undefined)
    .toSorted(
      (a, b) =>
        b.answer.lastRecordEpoch - a.answer.lastRecordEpoch ||
        b.answer.maxOffset - a.answer.maxOffset,
    )[0]
}

function hasMore(answer: InspectionAnswer, own: LogState): boolean {
  const ownEpoch = lastRecordEpoch(own)
  return (
    answer.lastRecordEpoch > ownEpoch ||
    (answer.lastRecordEpoch === ownEpoch && answer.maxOffset > own.maxOffset)
  )
}

function logOf(answer: InspectionAnswer): Omit<LogState, 'flushedOffset'> {
  return {
    history: EpochHistory.of(
      answer.epochs.map(({ epoch, start }) => ({ epoch, start: commitLogOffset(start) })),
    ),
    minOffset: commitLogOffset(answer.minOffset),
    maxOffset: commitLogOffset(answer.maxOffset),
    confirmOffset: commitLogOffset(answer.confirmOffset),
  }
}
