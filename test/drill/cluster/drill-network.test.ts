import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { describe, expect, onTestFinished, test } from 'vitest'
import { killWithUs } from '../../cluster/child.ts'
import { DrillNetwork } from './drill-network.ts'

const ECHO = `require('net').createServer((s) => s.pipe(s)).listen(7000, () => console.log('up'))`

// Goes unnoticed otherwise: a cut that cuts nothing makes every partition drill pass.
describe.skipIf(!DrillNetwork.canBeMade())(
  'a network of namespaces (takes the right to make them)',
  () => {
    test('reaches its members, and does not while they are cut off', async () => {
      await using network = DrillNetwork.make()
      const ways = network.addMember({ etcdPorts: [2379] })
      const socket = await echoIn(ways)

      expect(await answerTo(socket, 'one')).toBe('one')

      ways.cut('etcd', 'both')
      expect(await answerTo(socket, 'two')).toBe('two')
      // What is on its way is not lost: it comes when the line is whole.
      ways.cut('all', 'there')
      const answer = answerTo(socket, 'three')
      expect(await Promise.race([answer, once(socket, 'timeout').then(() => 'silence')])).toBe(
        'silence',
      )
      ways.heal()
      expect(await answer).toBe('three')
    })

    test('leaves nothing behind', async () => {
      {
        await using network = DrillNetwork.make()
        network.addMember({ etcdPorts: [2379] }).cut('etcd', 'both')
        expect(namespaces()).toContain(`cd${process.pid}-0`)
      }
      // The kernel clears namespaces away when it has time; the next network has the same names.
      for (let time = 0; time < 5; time++) await DrillNetwork.make()[Symbol.asyncDispose]()

      expect(namespaces()).not.toContain(`cd${process.pid}`)
    })
  },
)

async function echoIn(ways: { host: string; prefix: readonly string[] }): Promise<Socket> {
  const [program = '', ...prefix] = ways.prefix
  const child = spawn(program, [...prefix, process.execPath, '-e', ECHO], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  killWithUs(child)
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(createInterface({ input: child.stdout }), 'line')
  const socket = connect({ host: ways.host, port: 7000 }).setTimeout(300).setEncoding('utf8')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

async function answerTo(socket: Socket, line: string): Promise<string> {
  socket.write(line)
  const [answer] = (await once(socket, 'data')) as [string]
  return answer
}

function namespaces(): string {
  return execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })
}
