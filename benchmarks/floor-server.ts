/**
 * The server half of the floor: what Node, grpc-js and this disk can do with nothing else in the way.
 *
 * It frames each batch, appends it with writev, syncs once for all batches that wait, and answers;
 * followers get the log pushed back under a byte credit. No topics, indexes, groups or retries.
 */
import { open } from 'node:fs/promises'
import path from 'node:path'
import process from 'node:process'
import { crc32 } from 'node:zlib'
import grpc from '@grpc/grpc-js'
import { channelOptions, floorService } from './floor-protocol.ts'

interface Waiting {
  readonly batch: Buffer
  readonly call: grpc.ServerDuplexStream<Buffer, Buffer>
}

const directory = process.argv[2] ?? '.'
const log = await open(path.join(directory, 'floor.log'), 'w+')
let position = 0
let waiting: Waiting[] = []
let isBusy = false
let isSyncing = true
let nextOffset = 0
const followers = new Set<() => Promise<void>>()

async function appendWaiting(): Promise<void> {
  isBusy = true
  while (waiting.length > 0) {
    const group = waiting
    waiting = []
    const buffers: Buffer[] = []
    let end = position
    for (const { batch } of group) {
      const head = Buffer.allocUnsafe(8)
      head.writeUInt32LE(batch.length, 0)
      head.writeUInt32LE(crc32(batch), 4)
      buffers.push(head, batch)
      end += 8 + batch.length
    }
    await log.writev(buffers, position)
    if (isSyncing) await log.datasync()
    position = end
    for (const { batch, call } of group) {
      const result = Buffer.alloc(8)
      result.writeDoubleLE(nextOffset)
      nextOffset += batch.readUInt32LE(0)
      call.write(result)
    }
    for (const follow of followers) void follow()
  }
  isBusy = false
}

function publish(call: grpc.ServerDuplexStream<Buffer, Buffer>): void {
  call.on('data', (batch: Buffer) => {
    if (batch.length === 1) {
      isSyncing = batch[0] === 1
      call.write(Buffer.alloc(8))
      return
    }
    waiting.push({ batch, call })
    if (!isBusy) void appendWaiting()
  })
  call.on('end', () => call.end())
}

function subscribe(call: grpc.ServerDuplexStream<Buffer, Buffer>): void {
  let at = -1
  let credit = 0
  let isReading = false
  const follow = async (): Promise<void> => {
    if (isReading || at < 0) return
    isReading = true
    while (at < position && credit > 0) {
      // Whole records only: read a window, then cut it after the last whole record.
      const want = Math.min(position - at, 1 << 20)
      let chunk = Buffer.allocUnsafe(want)
      await log.read(chunk, 0, want, at)
      let end = 0
      while (end + 8 <= want && end + 8 + chunk.readUInt32LE(end) <= want) {
        end += 8 + chunk.readUInt32LE(end)
      }
      if (end === 0) {
        end = 8 + chunk.readUInt32LE(0)
        chunk = Buffer.allocUnsafe(end)
        await log.read(chunk, 0, end, at)
      }
      call.write(chunk.subarray(0, end))
      at += end
      credit -= end
    }
    isReading = false
  }
  call.on('data', (message: Buffer) => {
    if (message.length === 16) {
      const from = message.readDoubleLE(8)
      at = from < 0 ? position : from
    }
    credit += message.readDoubleLE(0)
    void follow()
  })
  call.on('end', () => {
    followers.delete(follow)
    call.end()
  })
  call.on('cancelled', () => followers.delete(follow))
  followers.add(follow)
}

const server = new grpc.Server(channelOptions)
server.addService(floorService, {
  Publish: publish,
  Subscribe: subscribe,
  Echo: (call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) =>
    callback(null, call.request),
})
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error
  process.send?.({ port })
})
process.on('message', () => process.exit(0))
process.on('disconnect', () => process.exit(0))
