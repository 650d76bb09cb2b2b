import { CometError } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { type LogLevel, openPinoLogger } from './pino-logger.ts'

describe('openPinoLogger', () => {
  test('writes one JSON object per line, with the fields of its parents', () => {
    const { log, lines } = open({ level: 'info' })

    log.child({ topic: 'orders' }).info({ offset: 7 }, 'segment sealed')

    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'info',
      name: 'broker',
      topic: 'orders',
      offset: 7,
      message: 'segment sealed',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    })
    expect(lines[0]).toMatch(/}\n$/)
  })

  test('leaves out what is below its level', () => {
    const { log, lines } = open({ level: 'warn' })

    log.debug({}, 'a')
    log.info({}, 'b')
    log.warn({}, 'c')
    log.error({}, 'd')

    expect(lines).toHaveLength(2)
  })

  // An error that is written as {} says nothing just when it is needed most.
  test('writes errors with their code, stack and cause', () => {
    const { log, lines } = open({ level: 'info' })
    const cause = new Error('the disk said no')

    log.error({ error: new CometError('STORE_UNUSABLE', 'cannot sync', { cause }) }, 'stopping')

    const { error } = JSON.parse(lines[0] ?? '') as { error: Record<string, string> }
    expect(error['code']).toBe('STORE_UNUSABLE')
    expect(error['stack']).toContain('cannot sync')
    expect(error['stack']).toContain('the disk said no')
  })

  test('writes a short line for people when asked to', () => {
    const { log, lines } = open({ level: 'info', format: 'text' })

    log.warn({ topic: 'orders', count: 2 }, 'topic is full')

    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} .*WARN.* broker: topic is full topic=orders count=2\n$/,
    )
  })
})

function open(options: { readonly level: LogLevel; readonly format?: 'text' }) {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  return { log: openPinoLogger({ name: 'broker', destination, ...options }), lines }
}
