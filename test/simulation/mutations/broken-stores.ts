import { MessageStore, type ReplicatedLog } from '@cometmq/store'
import { GroupCommit } from '../../../packages/store/src/commit-log/group-commit.ts'
import { ReplicatedLog as LogClass } from '../../../packages/store/src/replication/replicated-log.ts'
import { TailView } from '../../../packages/store/src/tail-view.ts'

/**
 * What a store promises the members of a broker group, each left out of its classes alone. Calling one
 * breaks them; calling what it answers mends them.
 */
export const brokenStores: Readonly<Record<string, () => () => void>> = {
  'who sends is answered when the in-sync set has it': () =>
    replaced(
      MessageStore.prototype,
      'append',
      (append) =>
        function (this: MessageStore, group) {
          return append.call(this, group, 'flushed')
        },
    ),
  'who sends is answered after the flush': () =>
    replaced(
      MessageStore.prototype,
      'append',
      (append) =>
        function (this: MessageStore, group) {
          return append.call(this, group, 'written')
        },
    ),
  'what is derived waits for its confirmation': () =>
    replaced(
      LogClass.prototype,
      'confirm',
      (confirm) =>
        function (this: ReplicatedLog) {
          confirm.call(this, Number.POSITIVE_INFINITY)
        },
    ),
  'a log is cut where its master wrote something else': () =>
    replaced(LogClass.prototype, 'truncateTo', () => () => Promise.resolve()),
  'damaged records are mended': () =>
    replaced(LogClass.prototype, 'onDamaged', () => () => () => {}),
  'appends are refused after a reign': () =>
    replaced(GroupCommit.prototype, 'endReign', () => () => {}),
  'queue offsets go on behind what is not confirmed': () =>
    replaced(
      TailView.prototype,
      'nextOffset',
      () =>
        function (this: TailView, queue) {
          return queue.nextOffset
        },
    ),
  'a slave acknowledges what it has flushed': () =>
    replaced(
      LogClass.prototype,
      'onFlushed',
      (onFlushed) =>
        function (this: ReplicatedLog, listener) {
          const undo = onFlushed.call(this, listener)
          const undoEarly = this.tap(({ to }) => listener(to))
          return () => {
            undo()
            undoEarly()
          }
        },
    ),
  'repeated batches of an earlier reign are known': () => {
    /** Of each store, the producers that it has heard since it began to lead. */
    const heard = new WeakMap<TailView, Set<string>>()
    const mend = [
      replaced(
        TailView.prototype,
        'rebuild',
        (rebuild) =>
          function (this: TailView, unconfirmed) {
            rebuild.call(this, unconfirmed)
            heard.set(this, new Set())
          },
      ),
      replaced(
        TailView.prototype,
        'add',
        (add) =>
          function (this: TailView, placed, queue, window) {
            add.call(this, placed, queue, window)
            if (placed.windowKey !== undefined) heard.get(this)?.add(placed.windowKey)
          },
      ),
      replaced(
        TailView.prototype,
        'window',
        (window) =>
          function (this: TailView, key) {
            return heard.get(this)?.has(key) === true ? window.call(this, key) : undefined
          },
      ),
    ]
    return () => {
      for (const undo of mend) undo()
    }
  },
}

/** Puts another method in the place of one, and answers how to undo that. */
export function replaced<T, Name extends keyof T>(
  prototype: T,
  name: Name,
  other: (original: T[Name]) => T[Name],
): () => void {
  const original = prototype[name]
  prototype[name] = other(original)
  return () => {
    prototype[name] = original
  }
}
