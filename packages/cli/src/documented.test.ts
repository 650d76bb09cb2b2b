import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { type BrokerSettings, brokerSettings } from './config/broker-settings.ts'
import { nameServerSettings } from './config/name-server-settings.ts'
import { settingPaths } from './config/paths.ts'
import { FakeTerminal } from './fake-terminal.ts'
import { buildProgram } from './program.ts'

const cliPage = readPage('cli.md')
const configurationPage = readPage('configuration.md')

describe('docs/configuration.md', () => {
  // A setting that nobody can read about is set by nobody, or wrongly.
  test('has a row for every setting of both daemons, and for nothing else', () => {
    const [broker = '', nameServer = ''] = configurationPage.split('\n## ').slice(1)

    expect(documentedKeys(broker)).toEqual(keysOf(brokerSettings).toSorted())
    expect(documentedKeys(nameServer)).toEqual(keysOf(nameServerSettings).toSorted())
  })

  test("tells the broker's defaults as they are", () => {
    const rows = [...configurationPage.matchAll(/^\| `([\w.]+)` \| `([^`]+)` \|/gm)]
    const [broker = ''] = configurationPage.split('\n## ').slice(1)
    const given = rows
      .filter(([row, key]) => broker.includes(row) && key !== 'store.directory')
      .map(([, key = '', value = '']) => ({ key, value }))
    const tree: Record<string, unknown> = {}
    for (const { key, value } of given) set(tree, key.split('.'), value)

    const asDocumented: BrokerSettings = brokerSettings.parse(tree)

    expect(given.length).toBeGreaterThan(20)
    expect(asDocumented).toEqual(brokerSettings.parse({}))
  })
})

describe('docs/cli.md', () => {
  test('names every command with each of its options', () => {
    const missing = commandsOf(buildProgram(new FakeTerminal())).flatMap(({ names, command }) =>
      [`${names.join(' ')}`, ...command.options.map(({ long }) => long ?? '')].filter(
        (word) => word !== '--version' && !cliPage.includes(word),
      ),
    )

    expect(missing).toEqual([])
  })
})

function readPage(name: string): string {
  return readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')
}

function documentedKeys(section: string): string[] {
  const cells = [...section.matchAll(/^\| (`[^|]+`) \|/gm)].map(([, cell = '']) => cell)
  return cells.flatMap((cell) => cell.split(', ').map((key) => key.replaceAll('`', ''))).toSorted()
}

function keysOf(schema: Parameters<typeof settingPaths>[0]): string[] {
  return settingPaths(schema).map((path) => path.join('.'))
}

function set(tree: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path
  if (rest.length === 0) {
    tree[name] = value
    return
  }
  const section = (tree[name] ??= {}) as Record<string, unknown>
  set(section, rest, value)
}

interface Leaf {
  readonly names: readonly string[]
  readonly command: Command
}

function commandsOf(command: Command, above: readonly string[] = []): Leaf[] {
  return command.commands.flatMap((child) => {
    const names = [...above, child.name()]
    // The broker is a command itself, and has some.
    const isGroup = child.commands.length > 0 && child.name() !== 'broker'
    const own = isGroup ? [] : [{ names, command: child }]
    return [...own, ...commandsOf(child, names)]
  })
}
