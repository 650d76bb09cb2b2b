import { crc32 } from 'node:zlib'
import { CometError } from '@cometmq/protocol'
import type { FileSystem } from '@cometmq/runtime'
import type { MemberFile } from '../actions.ts'
import { StrictFields } from '../strict-json.ts'

/** Whose folder it is. */
export interface MemberHome {
  /** Of the files that replication keeps beside the log. */
  readonly folder: string
  readonly cluster: string
  readonly brokerName: string
  /** Random, made with the data folder. */
  readonly storeId: string
}

const VERSION = 1

/**
 * What this member has written about itself; undefined: nothing yet. Drawn in
 * `docs/formats/replication.md`.
 *
 * Throws `STORE_CORRUPT`, `UNSUPPORTED`, and `CONFIG_INVALID` where the folder belongs to another group.
 */
export async function readMemberFile(
  files: FileSystem,
  home: MemberHome,
): Promise<MemberFile | undefined> {
  const path = pathOf(home)
  const bytes = await files.readFile(path)
  return bytes === undefined ? undefined : parseMemberFile(bytes.toString(), { home, path })
}

/** Durable when it resolves. */
export async function writeMemberFile(
  files: FileSystem,
  home: MemberHome,
  member: MemberFile,
): Promise<void> {
  await files.replaceFile(pathOf(home), Buffer.from(encodeMemberFile(home, member)))
}

export function encodeMemberFile({ cluster, brokerName }: MemberHome, member: MemberFile): string {
  const { brokerId, storeId, incarnation, trustedSince, lastSeenEpoch, electorId } = member
  const text = `${JSON.stringify({
    version: VERSION,
    cluster,
    brokerName,
    storeId,
    brokerId: brokerId ?? 0,
    incarnation,
    trustedSince,
    lastSeenEpoch,
    electorId: electorId ?? '',
  })}\n`
  return `${text}crc32 ${checksumOf(text)}\n`
}

function parseMemberFile(
  whole: string,
  { home, path }: { readonly home: MemberHome; readonly path: string },
): MemberFile {
  const [, text, checksum] = /^(.*\n)crc32 ([0-9a-f]{8})\n$/s.exec(whole) ?? []
  if (text === undefined || checksum !== checksumOf(text)) {
    throw new CometError(
      'STORE_CORRUPT',
      `${path} is damaged; restore the folder, or begin anew with an empty one`,
    )
  }
  const fields = StrictFields.parse(text, path)
  fields.version(VERSION)
  const [cluster, brokerName] = [fields.text('cluster'), fields.text('brokerName')]
  if (cluster !== home.cluster || brokerName !== home.brokerName) {
    throw new CometError(
      'CONFIG_INVALID',
      `the data folder belongs to "${brokerName}" of cluster "${cluster}", and not to "${home.brokerName}" of "${home.cluster}"; give this broker a folder of its own`,
    )
  }
  const storeId = fields.text('storeId')
  if (storeId !== home.storeId) {
    throw new CometError(
      'STORE_CORRUPT',
      `${path} was written for another store than the one beside it`,
    )
  }
  const member: MemberFile = {
    storeId,
    brokerId: fields.integer('brokerId') || undefined,
    incarnation: fields.integer('incarnation', 1),
    trustedSince: fields.integer('trustedSince', 1),
    lastSeenEpoch: fields.integer('lastSeenEpoch'),
    electorId: fields.text('electorId') || undefined,
  }
  fields.end()
  return member
}

function pathOf({ folder }: MemberHome): string {
  return `${folder}/member.json`
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}
