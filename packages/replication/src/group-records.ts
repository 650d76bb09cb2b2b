import { type CommitLogOffset, commitLogOffset } from '@cometmq/protocol'
import type { Revision } from './revision.ts'
import { corrupt, StrictFields } from './strict-json.ts'

/** A member of the group, alive or not. Stays until it is forgotten; ids are never used again. */
export interface MemberRecord {
  /** The data folder that the id belongs to, for ever. */
  readonly storeId: string
  /** Of its latest start. A start that is not above it has a folder that was rolled back. */
  readonly lastIncarnation: number
  readonly replicationAddress: string
  /** Copies the log and is never in sync. */
  readonly observer: boolean
  /** Of two equally good candidates the higher one is elected. */
  readonly priority: number
}

/** A member that runs: the key goes with the lease of its process. */
export interface LiveRecord {
  readonly incarnation: number
  readonly host: string
  readonly bootId: string
  readonly replicationAddress: string
}

/** What an operator asks of the group. */
export type Command =
  | { readonly id: string; readonly kind: 'hand-over'; readonly to: number | undefined }
  | { readonly id: string; readonly kind: 'forget'; readonly brokerId: number }
  /** Elects a member that may lack acknowledged messages. */
  | {
      readonly id: string
      readonly kind: 'elect'
      readonly to: number
      /**
       * When the state was written that the operator has looked at. Any change since then shows that
       * somebody of the in-sync set lives, and the command is void.
       */
      readonly stateRevision: Revision
      /** The highest confirm offset that any member told the operator. */
      readonly confirmedTo: CommitLogOffset
    }

const VERSION = 1

export function encodeMember(member: MemberRecord): string {
  return JSON.stringify({ version: VERSION, ...member })
}

export function encodeLive(live: LiveRecord): string {
  return JSON.stringify({ version: VERSION, ...live })
}

export function encodeCommand(command: Command): string {
  return JSON.stringify({
    version: VERSION,
    ...command,
    ...(command.kind === 'hand-over' ? { to: command.to ?? 0 } : {}),
  })
}

export function parseCommand(text: string): Command {
  const fields = StrictFields.parse(text, 'command')
  fields.version(VERSION)
  const command = commandOf(fields, fields.text('id'), fields.text('kind'))
  fields.end()
  return command
}

function commandOf(fields: StrictFields, id: string, kind: string): Command {
  switch (kind) {
    case 'hand-over':
      // 0 is no broker's id: whoever is best.
      return { id, kind, to: fields.integer('to') || undefined }
    case 'forget':
      return { id, kind, brokerId: fields.integer('brokerId', 1) }
    case 'elect':
      return {
        id,
        kind,
        to: fields.integer('to', 1),
        stateRevision: fields.integer('stateRevision', 1) as Revision,
        confirmedTo: commitLogOffset(fields.integer('confirmedTo')),
      }
    default:
      throw corrupt(`${kind} is not a known command`)
  }
}

export function parseMember(text: string): MemberRecord {
  const fields = StrictFields.parse(text, 'member')
  fields.version(VERSION)
  const member = {
    storeId: fields.text('storeId'),
    lastIncarnation: fields.integer('lastIncarnation', 1),
    replicationAddress: fields.text('replicationAddress'),
    observer: fields.flag('observer'),
    priority: fields.integer('priority'),
  }
  fields.end()
  return member
}

export function parseLive(text: string): LiveRecord {
  const fields = StrictFields.parse(text, 'live')
  fields.version(VERSION)
  const live = {
    incarnation: fields.integer('incarnation', 1),
    host: fields.text('host'),
    bootId: fields.text('bootId'),
    replicationAddress: fields.text('replicationAddress'),
  }
  fields.end()
  return live
}

export function parseNextId(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw corrupt('nextId is not a broker id')
  return Number(text)
}
