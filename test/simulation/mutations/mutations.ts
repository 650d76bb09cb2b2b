import type { LeftOut } from '../group/group-cluster.ts'
import { leftOut as rules, rulesWithout } from '../replication/left-out.ts'
import { brokenBrokers } from './broken-brokers.ts'
import { brokenStores } from './broken-stores.ts'
import { withoutFile, withoutSyncs } from './forgetful-disks.ts'

/** Something that broker groups rely on, left out alone. */
export interface Mutation {
  readonly name: string
  readonly leftOut: LeftOut
  /** Breaks classes of the product, and mends them again with the answer. */
  readonly breakClasses?: () => () => void
  /** It shows within so many seeds. */
  readonly seeds: number
}

/** Most show within a few; which ones changes with every change of anything. */
const SOON = 40
/** Some need a coincidence. */
const LATER = 150
/** The one fault that shows it is drawn in a seed of forty. */
const RARELY = 400
/** A crash has to fall between two writes of one cut. */
const HARDLY_EVER = 1_500

/** A reign that ends at the wrong moment; a bit that flips where nobody replaces its member. */
const NEED_COINCIDENCE = /^delivery starts|^the duties of a reign|^damaged records/

/** Within so many seeds the model shows each rule that it can leave out. */
export const MODEL_SEEDS = 2_000

/**
 * The rules of the design that worlds of whole brokers show, and within how many seeds: some need a
 * change of the in-sync set that is under way when its master dies.
 */
const RULES: Readonly<Record<string, number>> = {
  'a joining member counts before its change is confirmed': RARELY,
  'a leaving member counts until its change is confirmed': LATER,
  'a disconnected member of the set blocks the confirm offset': SOON,
  'who joins holds everything confirmed': SOON,
  'logs are cut where their histories part': LATER,
  'a cut drops the epoch that starts at it': LATER,
  'only a member of the set is elected': SOON,
}

/**
 * All others need a coincidence of moments, or members that come back untrusted, which next to nobody
 * is who acknowledges only what he has flushed. The model of `../replication` takes them apart, in
 * thousands of seeds a minute.
 */
export const modelOnly = Object.keys(rules).filter((name) => !(name in RULES))

export const mutations: readonly Mutation[] = [
  ...Object.entries(RULES).map(([name, seeds]) => ({
    name,
    seeds,
    leftOut: { rules: rulesWithout(name) },
  })),
  ...Object.entries({ ...brokenStores, ...brokenBrokers }).map(([name, breakClasses]) => ({
    name,
    leftOut: {},
    breakClasses,
    seeds: NEED_COINCIDENCE.test(name) ? LATER : SOON,
  })),
  { name: 'what is flushed is on the disk', leftOut: { runtime: withoutSyncs }, seeds: SOON },
  {
    name: 'a cut is noted before it is made',
    leftOut: { runtime: withoutFile('truncating') },
    seeds: HARDLY_EVER,
  },
  {
    name: 'who has cut a tail in doubt is not trusted',
    leftOut: { runtime: withoutFile('in-doubt') },
    seeds: RARELY,
  },
  {
    name: 'a member counts its starts',
    leftOut: { runtime: withoutFile('member.json') },
    seeds: SOON,
  },
]
