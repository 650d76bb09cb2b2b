import { describe, expect, test } from 'vitest'
import { differingFiles, rebuildFiles } from './rebuild.ts'
import { linesOf } from './source-files.ts'

const entry = (file: string, line: number, text: string, messageId = `${file}:${line}`) => ({
  messageId,
  file,
  line,
  attempt: 1,
  bytes: Buffer.from(text),
})

describe('rebuildFiles', () => {
  // The summary says "byte-identical": a check that overlooked a lost, doubled or swapped line would make that a lie.
  test('restores order by line number and drops redelivered messages', () => {
    const rebuilt = rebuildFiles([
      entry('a', 2, 'two\n'),
      entry('a', 1, 'one\n'),
      entry('a', 2, 'two\n'),
    ])

    expect(rebuilt.files.get('a')?.toString()).toBe('one\ntwo\n')
    expect(rebuilt.redeliveries).toBe(1)
    expect(rebuilt.messages).toBe(2)
  })

  test.each([
    ['a lost line', [entry('a', 1, 'one\n')]],
    ['a changed byte', [entry('a', 1, 'one\n'), entry('a', 2, 'twO\n')]],
    [
      'a line sent twice as two messages',
      [entry('a', 1, 'one\n'), entry('a', 2, 'two\n'), entry('a', 2, 'two\n', 'x')],
    ],
    ['a file nobody sent', [entry('a', 1, 'one\n'), entry('a', 2, 'two\n'), entry('b', 1, '')]],
  ])('%s is noticed', (_, entries) => {
    const sources = [{ path: 'a', bytes: Buffer.from('one\ntwo\n') }]

    expect(differingFiles(sources, rebuildFiles(entries).files)).toHaveLength(1)
  })
})

describe('linesOf', () => {
  test.each(['', 'x', 'x\n', '\n\n', 'a\nb', 'a\r\nb\n'])(
    '%j is its lines put together',
    (text) => {
      expect(Buffer.concat(linesOf(Buffer.from(text))).toString()).toBe(text)
    },
  )
})
