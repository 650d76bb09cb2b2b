import { crc32 } from 'node:zlib'
import { ByteReader, ByteWriter } from '@cometmq/protocol'
import type { File, FileSystem } from '@cometmq/runtime'
import type { ConfirmedBy } from '../commit-log/confirm-gate.ts'

const SLOT_BYTES = 64
const MAGIC = 0x50434d43 // "CMCP", little-endian
const CLOSED_CLEANLY = 1
const CONFIRMED_EXTERNALLY = 2

/** What is known of the log, written from time to time, beside it. */
export interface Checkpoint {
  /** Everything below had been synced. Proves that a hole below it is damage, not a torn tail. */
  readonly flushedOffset: number
  readonly confirmOffset: number
  /** Everything below may be gone; everything from here on must be there. */
  readonly minOffset: number
  readonly epoch: number
  /** The last store time given out: the next ones are not lower, whatever the clock says. */
  readonly storeTimeMs: number
  /** The owner had stopped writing and said so. */
  readonly closedCleanly: boolean
  /** With `external`, records tell what had been durable elsewhere, and prove nothing about this disk. */
  readonly confirmedBy: ConfirmedBy
}

/**
 * Two slots, written in turn, so that a torn write leaves the other one. Drawn in
 * `docs/formats/commit-log.md`.
 */
export class CheckpointSlots {
  /** The newest that could be read; `undefined` in a new store, or when both are damaged. */
  readonly found: Checkpoint | undefined
  readonly #files: readonly [File, File]
  #sequence: number

  private constructor(files: readonly [File, File], newest: Slot | undefined) {
    this.#files = files
    this.#sequence = newest?.sequence ?? 0
    this.found = newest?.checkpoint
  }

  static async open(files: FileSystem, folder: string): Promise<CheckpointSlots> {
    const names = await files.list(folder)
    const first = await files.openFile(`${folder}/checkpoint.0`, { create: true })
    const second = await files.openFile(`${folder}/checkpoint.1`, { create: true })
    if (!(names.includes('checkpoint.0') && names.includes('checkpoint.1'))) {
      await files.syncDirectory(folder)
    }
    return new CheckpointSlots([first, second], await newestSlot(files, folder))
  }

  async write(checkpoint: Checkpoint): Promise<void> {
    this.#sequence++
    const file = this.#files[this.#sequence % 2 === 0 ? 0 : 1]
    await file.writeAt([encodeSlot({ sequence: this.#sequence, checkpoint })], 0)
    await file.sync()
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.close()
  }
}

/** The newest checkpoint in the folder, for looking at the files of a stopped broker. */
export async function readCheckpoint(
  files: FileSystem,
  folder: string,
): Promise<Checkpoint | undefined> {
  return (await newestSlot(files, folder))?.checkpoint
}

async function newestSlot(files: FileSystem, folder: string): Promise<Slot | undefined> {
  let newest: Slot | undefined
  for (const name of ['checkpoint.0', 'checkpoint.1']) {
    const bytes = await files.readFile(`${folder}/${name}`)
    const slot = bytes?.length === SLOT_BYTES ? decodeSlot(bytes) : undefined
    if (slot !== undefined && slot.sequence > (newest?.sequence ?? -1)) newest = slot
  }
  return newest
}

interface Slot {
  readonly sequence: number
  readonly checkpoint: Checkpoint
}

function encodeSlot({ sequence, checkpoint }: Slot): Buffer {
  const writer = new ByteWriter(Buffer.alloc(SLOT_BYTES))
  writer.uint32(MAGIC)
  const externally = checkpoint.confirmedBy === 'external' ? CONFIRMED_EXTERNALLY : 0
  writer.uint32((checkpoint.closedCleanly ? CLOSED_CLEANLY : 0) | externally)
  writer.uint64(sequence)
  writer.uint64(checkpoint.flushedOffset)
  writer.uint64(checkpoint.confirmOffset)
  writer.uint64(checkpoint.minOffset)
  writer.uint64(checkpoint.epoch)
  writer.uint64(checkpoint.storeTimeMs)
  writer.uint32(0)
  writer.uint32(crc32(writer.bytes.subarray(0, SLOT_BYTES - 4)))
  return writer.bytes
}

function decodeSlot(bytes: Buffer): Slot | undefined {
  if (crc32(bytes.subarray(0, SLOT_BYTES - 4)) !== bytes.readUInt32LE(SLOT_BYTES - 4)) {
    return undefined
  }
  const reader = new ByteReader(bytes)
  if (reader.uint32() !== MAGIC) return undefined
  const flags = reader.uint32()
  const sequence = reader.uint64()
  const flushedOffset = reader.uint64()
  const confirmOffset = reader.uint64()
  const minOffset = reader.uint64()
  const epoch = reader.uint64()
  const storeTimeMs = reader.uint64()
  return {
    sequence,
    checkpoint: {
      flushedOffset,
      confirmOffset,
      minOffset,
      epoch,
      storeTimeMs,
      closedCleanly: (flags & CLOSED_CLEANLY) !== 0,
      confirmedBy: (flags & CONFIRMED_EXTERNALLY) === 0 ? 'self' : 'external',
    },
  }
}
