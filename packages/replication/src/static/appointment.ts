import { crc32 } from 'node:zlib'
import {
  CometError,
  commitLogOffset,
  type Appointment as AppointmentAnswer,
} from '@cometmq/protocol'
import type { FileSystem } from '@cometmq/runtime'
import type { PossibleLoss } from '../group-state.ts'
import { StrictFields } from '../strict-json.ts'

/**
 * Who leads a broker group of static mode from an epoch on, by the word of its operator: in the
 * configuration, or by a promotion.
 */
export interface Appointment {
  /** No master of a lower epoch leads any more. 0: by configuration, nobody has led yet. */
  readonly epoch: number
  /** Undefined: every member is fenced, and the next master is not named yet. */
  readonly master: number | undefined
  /** Whose word it is. Of two promotions that do not know of each other only one may come through. */
  readonly by: string
  /** What the operator gave up for it. */
  readonly loss: PossibleLoss | undefined
}

const VERSION = 1

export function configured(master: number): Appointment {
  return { epoch: 0, master, by: 'configuration', loss: undefined }
}

/** Whether `next` takes the place of `known`: of a later epoch, or the name that a fence left open. */
export function supersedes(next: Appointment, known: Appointment): boolean {
  if (next.epoch !== known.epoch) return next.epoch > known.epoch
  return next.by === known.by && known.master === undefined && next.master !== undefined
}

/** Whether `next` says nothing that `known` does not. */
export function isKnown(next: Appointment, known: Appointment): boolean {
  return next.epoch === known.epoch && next.by === known.by && next.master === known.master
}

/** What a member of a static group keeps on disk of the group. */
export interface StaticRecord {
  readonly appointment: Appointment
  /** The incarnation as which its master last said that it is in sync; 0: never. */
  readonly inSyncAs: number
}

/** Undefined: nobody was appointed but by configuration. Throws `STORE_CORRUPT`. */
export async function readStaticRecord(
  files: FileSystem,
  folder: string,
): Promise<StaticRecord | undefined> {
  const path = pathOf(folder)
  const bytes = await files.readFile(path)
  return bytes === undefined ? undefined : parseStaticRecord(bytes.toString(), path)
}

/** Durable when it resolves. */
export async function writeStaticRecord(
  files: FileSystem,
  folder: string,
  record: StaticRecord,
): Promise<void> {
  await files.replaceFile(pathOf(folder), Buffer.from(encodeStaticRecord(record)))
}

/** Drawn in `docs/formats/replication.md`. */
export function encodeStaticRecord({ appointment, inSyncAs }: StaticRecord): string {
  const { epoch, master, by, loss } = appointment
  const text = `${JSON.stringify({
    version: VERSION,
    epoch,
    master: master ?? 0,
    by,
    loss: loss ?? null,
    inSyncAs,
  })}\n`
  return `${text}crc32 ${checksumOf(text)}\n`
}

export function parseStaticRecord(whole: string, path: string): StaticRecord {
  const [, text, checksum] = /^(.*\n)crc32 ([0-9a-f]{8})\n$/s.exec(whole) ?? []
  if (text === undefined || checksum !== checksumOf(text)) {
    throw new CometError(
      'STORE_CORRUPT',
      `${path} is damaged; remove it if other members of the broker group run, they know what it said`,
    )
  }
  const fields = StrictFields.parse(text, path)
  fields.version(VERSION)
  const appointment = {
    epoch: fields.integer('epoch'),
    master: fields.integer('master') || undefined,
    by: fields.text('by'),
    loss: lossOf(fields.object('loss')),
  }
  const inSyncAs = fields.integer('inSyncAs')
  fields.end()
  return { appointment, inSyncAs }
}

/** As members tell it to each other. */
export function appointmentAnswer({ epoch, master, by, loss }: Appointment): AppointmentAnswer {
  const told = loss && {
    epoch: loss.epoch,
    keptTo: loss.keptTo,
    confirmedTo: loss.confirmedTo,
  }
  return { epoch, master: master ?? 0, by, loss: told ?? null }
}

export function appointmentOf({ epoch, master, by, loss }: AppointmentAnswer): Appointment {
  return {
    epoch,
    master: master || undefined,
    by,
    loss: loss
      ? {
          epoch: loss.epoch,
          cause: 'operator',
          keptTo: commitLogOffset(loss.keptTo),
          confirmedTo: commitLogOffset(loss.confirmedTo),
        }
      : undefined,
  }
}

function lossOf(fields: StrictFields | undefined): PossibleLoss | undefined {
  if (fields === undefined) return undefined
  const cause = fields.text('cause')
  if (cause !== 'operator') {
    throw new CometError('STORE_CORRUPT', `${cause} is not a known cause of a loss`)
  }
  const loss = {
    epoch: fields.integer('epoch', 1),
    cause,
    keptTo: commitLogOffset(fields.integer('keptTo')),
    confirmedTo: commitLogOffset(fields.integer('confirmedTo')),
  } as const
  fields.end()
  return loss
}

function pathOf(folder: string): string {
  return `${folder}/appointment`
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}
