import { CometError } from '../errors.ts'
import type { Method } from './method.ts'
import {
  checkMore,
  decodeWith,
  encodeWith,
  fieldTag,
  LENGTH,
  type Reader,
  readBytes,
  readMessage,
  readNested,
  readNumber,
  skipField,
  VARINT,
  type Writer,
  writeBytes,
  writeFlag,
  writeNested,
  writeNumber,
  writeText,
} from './protobuf.ts'

/** Epochs in one frame; a member that is farther behind starts over. */
const EPOCHS_MAX = 1_000
const MEMBERS_MAX = 64

/** The reign of one master, and where in the log it begins. */
export interface EpochStartFrame {
  readonly epoch: number
  readonly start: number
}

/** What a slave tells its master. Offsets are bytes of the commit log. */
export type SlaveFrame =
  | {
      readonly kind: 'hello'
      readonly cluster: string
      readonly brokerName: string
      readonly member: {
        readonly brokerId: number
        readonly incarnation: number
        readonly storeId: string
      }
      readonly version: number
      readonly lastSeenEpoch: number
      readonly epochs: readonly EpochStartFrame[]
      readonly minOffset: number
      readonly maxOffset: number
      readonly confirmOffset: number
      readonly observer: boolean
    }
  | {
      readonly kind: 'ready'
      readonly next: number
      readonly flushed: number
      readonly tailChecksum: number
    }
  | {
      readonly kind: 'ack'
      readonly epoch: number
      readonly received: number
      readonly flushed: number
      readonly applied: number
      readonly beat: number
      readonly freeBytes: number
      readonly diskFull: boolean
      readonly flushStalled: boolean
      readonly notElectable: boolean
    }
  | { readonly kind: 'leaving'; readonly reason: string }
  | { readonly kind: 'hand-over-wanted' }
  | {
      readonly kind: 'hand-over-result'
      readonly won: boolean
      readonly epoch: number
      readonly reason: string
    }

/** What a master tells a slave; every frame says which epoch speaks, and how far it is. */
export interface MasterFrame {
  readonly epoch: number
  readonly confirmOffset: number
  readonly maxOffset: number
  readonly message: MasterMessage
}

export type MasterMessage =
  | {
      readonly kind: 'welcome'
      readonly epochs: readonly EpochStartFrame[]
      readonly minOffset: number
      readonly truncateTo: number
      readonly tailFrom: number
      readonly tailChecksum: number
      readonly startOver: boolean
      readonly maxInFlightBytes: number
    }
  | {
      readonly kind: 'refusal'
      readonly reason: string
      readonly epoch: number
      readonly masterId: number
      readonly masterAddress: string
    }
  | {
      readonly kind: 'data'
      readonly offset: number
      readonly batchEpoch: number
      readonly batchEpochStart: number
      /** Whole append groups. Decoded, a view of the bytes received. */
      readonly records: Buffer
      readonly checksum: number
    }
  | {
      readonly kind: 'beat'
      readonly number: number
      readonly lostElector: boolean
      readonly inSync: readonly { readonly brokerId: number; readonly durable: number }[]
      /** The latest beat whose echo came back from this slave; 0: nothing is said of that. */
      readonly heard: number
    }
  | {
      readonly kind: 'hand-over'
      readonly end: number
      readonly stateRevision: number
      readonly resigned: boolean
      readonly leaves: boolean
    }

/** `cometmq.v1.Replication/Follow`. */
export const followMethod: Method<SlaveFrame, MasterFrame> = {
  path: '/cometmq.v1.Replication/Follow',
  kind: 'bidi',
  encodeRequest: (frame) => encodeWith((writer) => writeSlaveFrame(writer, frame)),
  decodeRequest: (bytes) => decodeWith(bytes, readSlaveFrame),
  encodeResponse: (frame) => encodeWith((writer) => writeMasterFrame(writer, frame)),
  decodeResponse: (bytes) => decodeWith(bytes, readMasterFrame),
}

function writeSlaveFrame(writer: Writer, frame: SlaveFrame): void {
  switch (frame.kind) {
    case 'hello':
      writeNested(writer, 1, () => {
        const { member } = frame
        writeText(writer, 1, frame.cluster)
        writeText(writer, 2, frame.brokerName)
        writeNested(writer, 3, () => {
          writeNumber(writer, 1, member.brokerId)
          writeNumber(writer, 2, member.incarnation)
          writeText(writer, 3, member.storeId)
        })
        writeNumber(writer, 4, frame.version)
        writeNumber(writer, 5, frame.lastSeenEpoch)
        writeEpochs(writer, 6, frame.epochs)
        writeNumber(writer, 7, frame.minOffset)
        writeNumber(writer, 8, frame.maxOffset)
        writeNumber(writer, 9, frame.confirmOffset)
        writeFlag(writer, 10, frame.observer)
      })
      return
    case 'ready':
      writeNested(writer, 2, () => {
        writeNumber(writer, 1, frame.next)
        writeNumber(writer, 2, frame.flushed)
        writeNumber(writer, 3, frame.tailChecksum)
      })
      return
    case 'ack':
      writeNested(writer, 3, () => {
        writeNumber(writer, 1, frame.epoch)
        writeNumber(writer, 2, frame.received)
        writeNumber(writer, 3, frame.flushed)
        writeNumber(writer, 4, frame.applied)
        writeNumber(writer, 5, frame.beat)
        writeNumber(writer, 6, frame.freeBytes)
        writeFlag(writer, 7, frame.diskFull)
        writeFlag(writer, 8, frame.flushStalled)
        writeFlag(writer, 9, frame.notElectable)
      })
      return
    case 'leaving':
      writeNested(writer, 4, () => writeText(writer, 1, frame.reason))
      return
    case 'hand-over-wanted':
      writeNested(writer, 5, () => {})
      return
    case 'hand-over-result':
      writeNested(writer, 6, () => {
        writeFlag(writer, 1, frame.won)
        writeNumber(writer, 2, frame.epoch)
        writeText(writer, 3, frame.reason)
      })
      return
  }
}

function readSlaveFrame(reader: Reader): SlaveFrame {
  let frame: SlaveFrame | undefined
  readMessage(reader, (tag) => {
    if (tag === fieldTag(1, LENGTH)) frame = readHello(reader)
    else if (tag === fieldTag(2, LENGTH)) frame = readReady(reader)
    else if (tag === fieldTag(3, LENGTH)) frame = readAck(reader)
    else if (tag === fieldTag(4, LENGTH)) frame = readLeaving(reader)
    else if (tag === fieldTag(5, LENGTH)) {
      readNested(reader, (inner) => skipField(reader, inner))
      frame = { kind: 'hand-over-wanted' }
    } else if (tag === fieldTag(6, LENGTH)) frame = readHandOverResult(reader)
    else skipField(reader, tag)
  })
  if (frame === undefined) throw new CometError('MALFORMED_REQUEST', 'a frame says nothing')
  return frame
}

function readHello(reader: Reader): SlaveFrame {
  const member = { brokerId: 0, incarnation: 0, storeId: '' }
  const epochs: EpochStartFrame[] = []
  const hello = {
    kind: 'hello' as const,
    cluster: '',
    brokerName: '',
    member,
    version: 0,
    lastSeenEpoch: 0,
    epochs,
    minOffset: 0,
    maxOffset: 0,
    confirmOffset: 0,
    observer: false,
  }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, LENGTH)) hello.cluster = reader.string()
    else if (tag === fieldTag(2, LENGTH)) hello.brokerName = reader.string()
    else if (tag === fieldTag(3, LENGTH)) {
      readNested(reader, (inner) => {
        if (inner === fieldTag(1, VARINT)) member.brokerId = reader.uint32()
        else if (inner === fieldTag(2, VARINT)) member.incarnation = readNumber(reader)
        else if (inner === fieldTag(3, LENGTH)) member.storeId = reader.string()
        else skipField(reader, inner)
      })
    } else if (tag === fieldTag(4, VARINT)) hello.version = reader.uint32()
    else if (tag === fieldTag(5, VARINT)) hello.lastSeenEpoch = readNumber(reader)
    else if (tag === fieldTag(6, LENGTH)) readEpoch(reader, epochs)
    else if (tag === fieldTag(7, VARINT)) hello.minOffset = readNumber(reader)
    else if (tag === fieldTag(8, VARINT)) hello.maxOffset = readNumber(reader)
    else if (tag === fieldTag(9, VARINT)) hello.confirmOffset = readNumber(reader)
    else if (tag === fieldTag(10, VARINT)) hello.observer = reader.bool()
    else skipField(reader, tag)
  })
  return hello
}

function readReady(reader: Reader): SlaveFrame {
  const ready = { kind: 'ready' as const, next: 0, flushed: 0, tailChecksum: 0 }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) ready.next = readNumber(reader)
    else if (tag === fieldTag(2, VARINT)) ready.flushed = readNumber(reader)
    else if (tag === fieldTag(3, VARINT)) ready.tailChecksum = reader.uint32()
    else skipField(reader, tag)
  })
  return ready
}

function readAck(reader: Reader): SlaveFrame {
  const ack = {
    kind: 'ack' as const,
    epoch: 0,
    received: 0,
    flushed: 0,
    applied: 0,
    beat: 0,
    freeBytes: 0,
    diskFull: false,
    flushStalled: false,
    notElectable: false,
  }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) ack.epoch = readNumber(reader)
    else if (tag === fieldTag(2, VARINT)) ack.received = readNumber(reader)
    else if (tag === fieldTag(3, VARINT)) ack.flushed = readNumber(reader)
    else if (tag === fieldTag(4, VARINT)) ack.applied = readNumber(reader)
    else if (tag === fieldTag(5, VARINT)) ack.beat = readNumber(reader)
    else if (tag === fieldTag(6, VARINT)) ack.freeBytes = readNumber(reader)
    else if (tag === fieldTag(7, VARINT)) ack.diskFull = reader.bool()
    else if (tag === fieldTag(8, VARINT)) ack.flushStalled = reader.bool()
    else if (tag === fieldTag(9, VARINT)) ack.notElectable = reader.bool()
    else skipField(reader, tag)
  })
  return ack
}

function readLeaving(reader: Reader): SlaveFrame {
  const leaving = { kind: 'leaving' as const, reason: '' }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, LENGTH)) leaving.reason = reader.string()
    else skipField(reader, tag)
  })
  return leaving
}

function readHandOverResult(reader: Reader): SlaveFrame {
  const result = { kind: 'hand-over-result' as const, won: false, epoch: 0, reason: '' }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) result.won = reader.bool()
    else if (tag === fieldTag(2, VARINT)) result.epoch = readNumber(reader)
    else if (tag === fieldTag(3, LENGTH)) result.reason = reader.string()
    else skipField(reader, tag)
  })
  return result
}

function writeMasterFrame(writer: Writer, frame: MasterFrame): void {
  writeNumber(writer, 1, frame.epoch)
  writeNumber(writer, 2, frame.confirmOffset)
  writeNumber(writer, 3, frame.maxOffset)
  const { message } = frame
  switch (message.kind) {
    case 'welcome':
      writeNested(writer, 4, () => {
        writeEpochs(writer, 1, message.epochs)
        writeNumber(writer, 2, message.minOffset)
        writeNumber(writer, 3, message.truncateTo)
        writeNumber(writer, 4, message.tailFrom)
        writeNumber(writer, 5, message.tailChecksum)
        writeFlag(writer, 6, message.startOver)
        writeNumber(writer, 7, message.maxInFlightBytes)
      })
      return
    case 'refusal':
      writeNested(writer, 5, () => {
        writeText(writer, 1, message.reason)
        writeNumber(writer, 2, message.epoch)
        writeNumber(writer, 3, message.masterId)
        writeText(writer, 4, message.masterAddress)
      })
      return
    case 'data':
      writeNested(writer, 6, () => {
        writeNumber(writer, 1, message.offset)
        writeNumber(writer, 2, message.batchEpoch)
        writeNumber(writer, 3, message.batchEpochStart)
        writeBytes(writer, 4, message.records)
        writeNumber(writer, 5, message.checksum)
      })
      return
    case 'beat':
      writeNested(writer, 7, () => {
        writeNumber(writer, 1, message.number)
        writeFlag(writer, 2, message.lostElector)
        for (const { brokerId, durable } of message.inSync) {
          writeNested(writer, 3, () => {
            writeNumber(writer, 1, brokerId)
            writeNumber(writer, 2, durable)
          })
        }
        writeNumber(writer, 4, message.heard)
      })
      return
    case 'hand-over':
      writeNested(writer, 8, () => {
        writeNumber(writer, 1, message.end)
        writeNumber(writer, 2, message.stateRevision)
        writeFlag(writer, 3, message.resigned)
        writeFlag(writer, 4, message.leaves)
      })
      return
  }
}

function readMasterFrame(reader: Reader): MasterFrame {
  const head = { epoch: 0, confirmOffset: 0, maxOffset: 0 }
  let message: MasterMessage | undefined
  readMessage(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) head.epoch = readNumber(reader)
    else if (tag === fieldTag(2, VARINT)) head.confirmOffset = readNumber(reader)
    else if (tag === fieldTag(3, VARINT)) head.maxOffset = readNumber(reader)
    else if (tag === fieldTag(4, LENGTH)) message = readWelcome(reader)
    else if (tag === fieldTag(5, LENGTH)) message = readRefusal(reader)
    else if (tag === fieldTag(6, LENGTH)) message = readData(reader)
    else if (tag === fieldTag(7, LENGTH)) message = readBeat(reader)
    else if (tag === fieldTag(8, LENGTH)) message = readHandOver(reader)
    else skipField(reader, tag)
  })
  if (message === undefined) throw new CometError('MALFORMED_REQUEST', 'a frame says nothing')
  return { ...head, message }
}

function readWelcome(reader: Reader): MasterMessage {
  const epochs: EpochStartFrame[] = []
  const welcome = {
    kind: 'welcome' as const,
    epochs,
    minOffset: 0,
    truncateTo: 0,
    tailFrom: 0,
    tailChecksum: 0,
    startOver: false,
    maxInFlightBytes: 0,
  }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, LENGTH)) readEpoch(reader, epochs)
    else if (tag === fieldTag(2, VARINT)) welcome.minOffset = readNumber(reader)
    else if (tag === fieldTag(3, VARINT)) welcome.truncateTo = readNumber(reader)
    else if (tag === fieldTag(4, VARINT)) welcome.tailFrom = readNumber(reader)
    else if (tag === fieldTag(5, VARINT)) welcome.tailChecksum = reader.uint32()
    else if (tag === fieldTag(6, VARINT)) welcome.startOver = reader.bool()
    else if (tag === fieldTag(7, VARINT)) welcome.maxInFlightBytes = reader.uint32()
    else skipField(reader, tag)
  })
  return welcome
}

function readRefusal(reader: Reader): MasterMessage {
  const refusal = { kind: 'refusal' as const, reason: '', epoch: 0, masterId: 0, masterAddress: '' }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, LENGTH)) refusal.reason = reader.string()
    else if (tag === fieldTag(2, VARINT)) refusal.epoch = readNumber(reader)
    else if (tag === fieldTag(3, VARINT)) refusal.masterId = reader.uint32()
    else if (tag === fieldTag(4, LENGTH)) refusal.masterAddress = reader.string()
    else skipField(reader, tag)
  })
  return refusal
}

function readData(reader: Reader): MasterMessage {
  const data = {
    kind: 'data' as const,
    offset: 0,
    batchEpoch: 0,
    batchEpochStart: 0,
    records: Buffer.alloc(0),
    checksum: 0,
  }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) data.offset = readNumber(reader)
    else if (tag === fieldTag(2, VARINT)) data.batchEpoch = readNumber(reader)
    else if (tag === fieldTag(3, VARINT)) data.batchEpochStart = readNumber(reader)
    else if (tag === fieldTag(4, LENGTH)) data.records = readBytes(reader) as typeof data.records
    else if (tag === fieldTag(5, VARINT)) data.checksum = reader.uint32()
    else skipField(reader, tag)
  })
  return data
}

function readBeat(reader: Reader): MasterMessage {
  const inSync: { brokerId: number; durable: number }[] = []
  const beat = { kind: 'beat' as const, number: 0, lostElector: false, inSync, heard: 0 }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) beat.number = readNumber(reader)
    else if (tag === fieldTag(2, VARINT)) beat.lostElector = reader.bool()
    else if (tag === fieldTag(3, LENGTH)) {
      checkMore(inSync, MEMBERS_MAX, 'members')
      const member = { brokerId: 0, durable: 0 }
      readNested(reader, (inner) => {
        if (inner === fieldTag(1, VARINT)) member.brokerId = reader.uint32()
        else if (inner === fieldTag(2, VARINT)) member.durable = readNumber(reader)
        else skipField(reader, inner)
      })
      inSync.push(member)
    } else if (tag === fieldTag(4, VARINT)) beat.heard = readNumber(reader)
    else skipField(reader, tag)
  })
  return beat
}

function readHandOver(reader: Reader): MasterMessage {
  const offer = {
    kind: 'hand-over' as const,
    end: 0,
    stateRevision: 0,
    resigned: false,
    leaves: false,
  }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) offer.end = readNumber(reader)
    else if (tag === fieldTag(2, VARINT)) offer.stateRevision = readNumber(reader)
    else if (tag === fieldTag(3, VARINT)) offer.resigned = reader.bool()
    else if (tag === fieldTag(4, VARINT)) offer.leaves = reader.bool()
    else skipField(reader, tag)
  })
  return offer
}

function writeEpochs(writer: Writer, field: number, epochs: readonly EpochStartFrame[]): void {
  for (const { epoch, start } of epochs) {
    writeNested(writer, field, () => {
      writeNumber(writer, 1, epoch)
      writeNumber(writer, 2, start)
    })
  }
}

function readEpoch(reader: Reader, epochs: EpochStartFrame[]): void {
  checkMore(epochs, EPOCHS_MAX, 'epochs')
  const entry = { epoch: 0, start: 0 }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) entry.epoch = readNumber(reader)
    else if (tag === fieldTag(2, VARINT)) entry.start = readNumber(reader)
    else skipField(reader, tag)
  })
  epochs.push(entry)
}
