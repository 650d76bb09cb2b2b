import type { ElectorKey, GroupView, Revision, Versioned, Write } from './elector.ts'
import {
  encodeCommand,
  encodeLive,
  encodeMember,
  type LiveRecord,
  type MemberRecord,
  parseCommand,
  parseLive,
  parseMember,
  parseNextId,
} from './group-records.ts'
import { encodeGroupState, parseGroupState } from './group-state.ts'

/** A key below that of the group as the elector stores it. */
export interface StoredRecord {
  readonly name: string
  readonly text: string
  readonly revision: Revision
}

export function nameOfKey(key: ElectorKey): string {
  switch (key.kind) {
    case 'state':
      return 'state'
    case 'next-id':
      return 'nextId'
    case 'command':
      return 'command'
    case 'member':
      return `members/${key.brokerId}`
    case 'live':
      return `live/${key.brokerId}`
  }
}

/** The key that a write puts and its text; a delete has no text. */
export function recordOfWrite(write: Write): { name: string; text: string | undefined } {
  switch (write.kind) {
    case 'put-state':
      return { name: nameOfKey({ kind: 'state' }), text: encodeGroupState(write.value) }
    case 'put-next-id':
      return { name: nameOfKey({ kind: 'next-id' }), text: String(write.value) }
    case 'put-command':
      return { name: nameOfKey({ kind: 'command' }), text: encodeCommand(write.value) }
    case 'put-member':
      return {
        name: nameOfKey({ kind: 'member', brokerId: write.brokerId }),
        text: encodeMember(write.value),
      }
    case 'put-live':
      return {
        name: nameOfKey({ kind: 'live', brokerId: write.brokerId }),
        text: encodeLive(write.value),
      }
    case 'delete':
      return { name: nameOfKey(write.key), text: undefined }
  }
}

/**
 * The view that these keys make. Keys of unknown names are left alone: a later version may keep
 * something there. Throws like `parseGroupState` for a known one that cannot be read.
 */
export function viewOfRecords(
  records: readonly StoredRecord[],
  at: Pick<GroupView, 'revision' | 'clusterId'>,
): GroupView {
  const members = new Map<number, Versioned<MemberRecord>>()
  const live = new Map<number, Versioned<LiveRecord>>()
  let view: GroupView = {
    ...at,
    state: undefined,
    nextId: undefined,
    command: undefined,
    members,
    live,
  }
  for (const { name, text, revision } of records) {
    const [, folder, id] = /^(members|live)\/([1-9]\d{0,8})$/.exec(name) ?? []
    if (name === 'state') view = { ...view, state: { revision, value: parseGroupState(text) } }
    if (name === 'nextId') view = { ...view, nextId: { revision, value: parseNextId(text) } }
    if (name === 'command') view = { ...view, command: { revision, value: parseCommand(text) } }
    if (folder === 'members') members.set(Number(id), { revision, value: parseMember(text) })
    if (folder === 'live') live.set(Number(id), { revision, value: parseLive(text) })
  }
  return view
}
