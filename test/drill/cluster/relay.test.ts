import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { quietPorts } from '../../cluster/quiet-ports.ts'
import { Relay } from './relay.ts'

/** A server that answers everything with itself, and how many have dialled it. */
async function openEcho() {
  const dialled: Socket[] = []
  const server = createServer((socket) => {
    dialled.push(socket)
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    for (const socket of dialled) socket.destroy()
    server.close()
  })
  const place = server.address()
  const port = typeof place === 'object' ? place?.port : undefined
  return { address: `127.0.0.1:${port}`, dialled }
}

async function openWay() {
  const echo = await openEcho()
  const [port = 0] = await quietPorts(1)
  const relay = await Relay.open({ from: `127.0.0.1:${port}`, to: echo.address })
  onTestFinished(() => relay[Symbol.asyncDispose]())
  const dial = async (): Promise<{ socket: Socket; heard: () => string }> => {
    const socket = connect(port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    let heard = ''
    socket.on('data', (bytes: Buffer) => {
      heard += bytes.toString()
    })
    await once(socket, 'connect')
    return { socket, heard: () => heard }
  }
  return { relay, dial, dialled: echo.dialled }
}

test('a way that is whole carries both directions', async () => {
  const { dial } = await openWay()
  const { socket, heard } = await dial()

  socket.write('one')

  await expect.poll(heard).toBe('one')
})

// A network that is cut tells nobody: what was sent is repeated by TCP until it arrives.
test.each(['there', 'back', 'both'] as const)(
  'what is held back by a cut (%s) arrives when the way is whole again',
  async (direction) => {
    const { relay, dial, dialled } = await openWay()
    const held = await dial()
    held.socket.write('one')
    await expect.poll(held.heard).toBe('one')

    relay.cut(direction)
    held.socket.write('two')
    const late = await dial()
    late.socket.write('three')
    // Whoever comes by another way is answered, so there was time for the others.
    const other = await openWay()
    const witness = await other.dial()
    witness.socket.write('four')
    await expect.poll(witness.heard).toBe('four')

    expect(held.heard()).toBe('one')
    expect(dialled).toHaveLength(1)

    relay.heal()

    await expect.poll(held.heard).toBe('onetwo')
    await expect.poll(late.heard).toBe('three')
  },
)

test('who hangs up is heard at the other end, at once or when the way is whole again', async () => {
  const { relay, dial, dialled } = await openWay()
  const [first, second] = [await dial(), await dial()]
  await expect.poll(() => dialled.length).toBe(2)
  const ended = dialled.map((socket) => once(socket, 'close'))

  first.socket.destroy()
  relay.cut('both')
  second.socket.destroy()
  relay.heal()

  expect(await Promise.all(ended)).toHaveLength(2)
})

// Others tell a process that has ended from a host that has fallen silent by whether they are refused.
test('a way to a process that has ended is refused, until it is back', async () => {
  const { relay, dial } = await openWay()
  const before = await dial()
  const ended = once(before.socket, 'close')

  await relay.refuse()

  await ended
  await expect(dial()).rejects.toMatchObject({ code: 'ECONNREFUSED' })

  await relay.admit()
  const after = await dial()
  after.socket.write('one')

  await expect.poll(after.heard).toBe('one')
})
