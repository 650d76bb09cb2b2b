import { describe, expect, test } from 'vitest'
import { FakeTerminal } from './fake-terminal.ts'
import { runComet } from './run-comet.ts'

describe('a command line', () => {
  // What was typed wrong, and where to read on; on one line, which a log keeps together.
  test.each([
    [[], 'no command was given; `comet --help` shows what it takes'],
    [['topic'], 'no topic command was given; `comet topic --help` shows what it takes'],
    [
      ['topi', 'ls'],
      "unknown command 'topi' (did you mean topic?); `comet --help` shows what it takes",
    ],
    [
      ['topic', 'ls', '--jsn'],
      "unknown option '--jsn' (did you mean --json?); `comet topic ls --help` shows what it takes",
    ],
    [
      ['topic', 'create'],
      "missing required argument 'topic'; `comet topic create --help` shows what it takes",
    ],
    [
      ['topic', 'ls', '--timeout', '5'],
      "--timeout <duration> cannot be '5': give a duration such as 500ms, 30s, 15m, 72h or 7d; `comet topic ls --help` shows what it takes",
    ],
    [
      ['msg', 'get', 'orders', '7'],
      "'7' is no place: give BROKER/QUEUE/OFFSET, such as broker-a/3/1042; `comet msg get --help` shows what it takes",
    ],
    [
      ['group', 'reset', 'billing'],
      "required option '--to <place>' not specified; `comet group reset --help` shows what it takes",
    ],
    [
      ['group', 'reset', 'billing', '--to', '17'],
      'an offset needs --topic and --queue; offsets of one queue mean nothing in another',
    ],
    [
      ['msg', 'tail', 'orders', '--filter', 'a', '--sql', 'price > 5'],
      "option '--sql <condition>' cannot be used with option '--filter <tags>'; `comet msg tail --help` shows what it takes",
    ],
    [
      ['topic', 'edit', 'orders'],
      'nothing to change was given; give --queues, --flush, --replicas, --readable or --writable',
    ],
    [
      ['topic', 'ls', '-n', 'elsewhere'],
      '--nameserver names "elsewhere", no address; give host:port, such as localhost:9876',
    ],
  ])('that is mistyped ends with code 2 and one line: %j', async (args, line) => {
    const terminal = new FakeTerminal()

    const exitCode = await runComet(args, terminal)

    expect(exitCode).toBe(2)
    expect(terminal.stderr.trimEnd().split('\n').at(-1)).toBe(`comet: ${line}`)
    expect(terminal.stdout).toBe('')
  })

  test('shows help on the standard output and ends with code 0', async () => {
    for (const args of [['--help'], ['topic', '--help'], ['topic', 'create', '--help']]) {
      const terminal = new FakeTerminal()

      expect(await runComet(args, terminal)).toBe(0)
      expect(terminal.stdout).toContain('Usage: comet')
      expect(terminal.stderr).toBe('')
    }
  })

  test('tells failures as JSON where it was asked for JSON', async () => {
    const terminal = new FakeTerminal()

    await runComet(['topic', 'ls', '--json', '--timeout', 'x'], terminal)

    expect(JSON.parse(terminal.stderr)).toMatchObject({ error: { code: 'USAGE', exitCode: 2 } })
  })

  test('reaches no name server and says which one, with code 5', async () => {
    const terminal = new FakeTerminal({ env: { COMETMQ_NAMESERVER: '127.0.0.1:1' } })

    const exitCode = await runComet(['topic', 'ls', '--timeout', '5s'], terminal)

    expect(exitCode).toBe(5)
    expect(terminal.stderr).toMatch(
      /^comet: .*127\.0\.0\.1:1.* \[CONNECT_FAILED\]; is a name server/,
    )
  })

  // A script that runs for the first time must not hang at a question nobody sees.
  test('that deletes does not ask without a terminal but refuses with code 7', async () => {
    const { confirm } = await import('./confirm.ts')
    const terminal = new FakeTerminal()

    await expect(confirm(terminal, {}, 'delete topic orders')).rejects.toMatchObject({
      exitCode: 7,
      message: 'this would delete topic orders',
    })
    await expect(confirm(terminal, { yes: true }, 'delete')).resolves.toBeUndefined()
  })

  test('that deletes goes on after a yes on a terminal, and after nothing else', async () => {
    const { confirm } = await import('./confirm.ts')
    const answering = (input: string): FakeTerminal => new FakeTerminal({ isTTY: true, input })

    await expect(confirm(answering('y\n'), {}, 'delete')).resolves.toBeUndefined()
    for (const input of ['\n', 'n\n', 'yess\n', '']) {
      await expect(confirm(answering(input), {}, 'delete')).rejects.toMatchObject({ exitCode: 7 })
    }
  })
})
