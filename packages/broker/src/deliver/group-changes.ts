import { CometError, type GroupDefinition, type StateChange } from '@cometmq/protocol'
import {
  editedGroup,
  type GroupEdit,
  type GroupWish,
  newGroup,
  plainGroup,
} from '../group-definition.ts'
import { deleteGroup, putGroup } from '../group-registry.ts'
import type { DeliveryContext } from './context.ts'
import { keysOf, PROGRESS_TABLE, RESETS_TABLE } from './queue-progress.ts'
import { RETRIES_TABLE } from './retry-entry.ts'

/** Groups are made by whoever names one; a loop that makes up names must not fill the memory. */
const GROUPS_MAX = 100_000

/** Where groups have rows by topic. */
const GROUP_TABLES = [PROGRESS_TABLE, RETRIES_TABLE, RESETS_TABLE]

/** `false`: it is there and `ifMissing` is given. Throws `GROUP_EXISTS` and what is wrong. */
export async function createGroup(
  context: DeliveryContext,
  wish: GroupWish,
  options: { readonly ifMissing: boolean },
): Promise<boolean> {
  const definition = newGroup(wish, context.clock.nowMs())
  return context.inTurn(wish.group, async () => {
    if (context.groups.get(wish.group) !== undefined) {
      if (options.ifMissing) return false
      throw new CometError('GROUP_EXISTS', `group "${wish.group}" exists; edit it instead`)
    }
    await addGroup(context, definition)
    return true
  })
}

/** For whoever names it, in the group's turn. Throws `GROUP_NOT_FOUND` unless it may be made. */
export async function needGroup(context: DeliveryContext, group: string): Promise<void> {
  if (context.groups.get(group) !== undefined) return
  if (!context.config.autoCreateGroups) context.groups.need(group)
  await addGroup(context, newGroup(plainGroup(group), context.clock.nowMs()))
}

/** Whether it changed anything. Throws `GROUP_NOT_FOUND` or `ILLEGAL_ARGUMENT`. */
export async function editGroup(
  context: DeliveryContext,
  group: string,
  edit: GroupEdit,
): Promise<boolean> {
  return context.inTurn(group, async () => {
    const before = context.groups.need(group)
    const now = editedGroup(before, edit)
    if (now === before) return false
    await append(context, [putGroup(now)])
    return true
  })
}

/** Throws `GROUP_NOT_FOUND`; `GROUP_ACTIVE` while it has members, unless forced. */
export async function removeGroup(
  context: DeliveryContext,
  group: string,
  parts: {
    readonly force: boolean
    readonly memberCount: () => number
    /** What goes with its definition and its rows. */
    readonly others: () => readonly StateChange[]
  },
): Promise<void> {
  return context.inTurn(group, async () => {
    context.groups.need(group)
    const members = parts.memberCount()
    if (members > 0 && !parts.force) {
      const message = `group "${group}" has ${members} members; stop them, or force the deletion`
      throw new CometError('GROUP_ACTIVE', message)
    }
    await context.loop.append({
      isAlone: true,
      prepare: () => [...deleteGroup(group), ...deleteRowsOf(group), ...parts.others()],
    })
  })
}

/** Deletes what is known of the group's work, or of its work in one topic. */
export function deleteRowsOf(group: string, topic?: string): StateChange[] {
  return GROUP_TABLES.map((table) => ({ kind: 'delete-range', table, ...keysOf(group, topic) }))
}

async function addGroup(context: DeliveryContext, definition: GroupDefinition): Promise<void> {
  if (context.groups.size >= GROUPS_MAX) {
    throw new CometError('TOO_MANY', `this broker has ${GROUPS_MAX} groups; delete some`)
  }
  await append(context, [putGroup(definition)])
}

async function append({ store }: DeliveryContext, changes: readonly StateChange[]): Promise<void> {
  await store.append({ records: [{ kind: 'change', changes }] }, 'confirmed')
}
