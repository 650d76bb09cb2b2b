import process from 'node:process'
import { describe, expect, test, vi } from 'vitest'
import { borrowNodeRuntime } from './node-runtime.ts'

describe('borrowNodeRuntime', () => {
  // A program that writes its result to the standard output, for another program to read, must not
  // find the library's own words in it.
  test('logs warnings on the error stream, as text, and nothing below them', async () => {
    const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const { runtime, release } = await borrowNodeRuntime()

    runtime.log.info({ topic: 'orders' }, 'not worth a line')
    runtime.log.warn({ topic: 'orders' }, 'worth a line')
    await release()

    const [said, written] = [err.mock.calls.flat(), out.mock.calls.flat()]
    vi.restoreAllMocks()
    expect(said).toEqual([
      expect.stringMatching(/^\S+ .*WARN.* cometmq: worth a line topic=orders\n$/),
    ])
    expect(written).toEqual([])
  })
})
