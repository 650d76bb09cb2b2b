/** Answers SendMessage with the bytes that came: what a unary call of grpc-js costs by itself. */
import { Server, ServerCredentials } from '@grpc/grpc-js'

const path = '/apache.rocketmq.v2.MessagingService/SendMessage'
const asIs = (bytes: Buffer): Buffer => bytes
const server = new Server()
server.addService(
  {
    Send: {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  },
  {
    Send: (call: { request: Buffer }, respond: (error: null, answer: Buffer) => void) =>
      // No field of the answer: it must cost the client nothing to read.
      respond(null, call.request.subarray(0, 0)),
  },
)
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error
  process.stdout.write(`127.0.0.1:${port}\n`)
})
