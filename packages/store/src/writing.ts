import type { StateChange } from '@cometmq/protocol'
import { GroupCommit } from './commit-log/group-commit.ts'
import { LogWriter } from './commit-log/log-writer.ts'
import { Retention } from './commit-log/retention.ts'
import { LogVerifier } from './damage/log-verifier.ts'
import type { DiskSpace } from './disk-space.ts'
import type { OpenedStore } from './open-store.ts'
import { LiveTail } from './replication/live-tail.ts'
import { RawCommit } from './replication/raw-commit.ts'
import { ReplicatedLog } from './replication/replicated-log.ts'
import type { StoreConfig, StoreRuntime } from './store-config.ts'
import type { BeforeDelete } from './store-listener.ts'

/** Everything that changes an opened store. */
export interface Writing {
  readonly writer: LogWriter
  /** What a master appends, */
  readonly commits: GroupCommit
  /** and what a slave copies. */
  readonly raws: RawCommit
  readonly replicated: ReplicatedLog
  readonly retention: Retention
  readonly verifier: LogVerifier
}

/** Wires it; nothing runs by itself. */
export function wireWriting(
  runtime: StoreRuntime,
  config: StoreConfig,
  parts: OpenedStore,
  own: {
    readonly space: DiskSpace
    readonly hooks: ReadonlySet<BeforeDelete>
    readonly replicationPath: string
  },
): Writing {
  const { clock, log, files } = runtime
  const { commitLog, dispatcher, checkpointer, state, places, reader, tail } = parts
  const { admission, gate, epochs } = parts
  const { space } = own
  const liveTail = new LiveTail(() => epochs.history.last ?? { epoch: 0, start: 0 })
  const writer = new LogWriter({ clock, log: commitLog, gate, space, liveTail })
  const keepUp = (): Promise<void> | undefined => {
    return checkpointer.keepUp((error) => writer.stop(error))
  }
  const commits = new GroupCommit({
    clock,
    log: commitLog,
    writer,
    gate,
    tail,
    dispatcher,
    admission,
    keepUp,
  })
  const isMaster = (): boolean => commits.epoch !== undefined
  const raws = new RawCommit({
    log: commitLog,
    writer,
    epochs,
    space,
    isMaster,
    keepUp,
  })
  const retention = new Retention(
    {
      clock,
      log,
      commitLog,
      dispatcher,
      state,
      checkpointer,
      space,
      epochs,
      hooks: own.hooks,
      isMaster,
      isInGroup: config.confirm === 'external',
      appendSnapshot: (read: () => StateChange[]) => commits.appendSnapshot(read),
      readAt: (at) => reader.readAt(at),
    },
    config.retention,
  )
  const verifier = new LogVerifier({ clock, log, commitLog, writer, places })
  const replicated = new ReplicatedLog(
    {
      clock,
      log,
      files,
      folder: own.replicationPath,
      commitLog,
      writer,
      commits,
      raws,
      gate,
      epochs,
      liveTail,
      checkpointer,
      reader,
      places,
      verifier,
      retainFrom: (offset) => retention.retainFrom(offset),
    },
    config,
  )
  return { writer, commits, raws, replicated, retention, verifier }
}
