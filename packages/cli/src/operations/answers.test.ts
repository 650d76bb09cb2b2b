import { describe, expect, test } from 'vitest'
import { answer } from './answers.ts'
import { type Health, nameServerHealth, starting } from './health.ts'

const GOOD = { name: 'registered', isGood: true, says: 'yes' }
const BAD = { name: 'takes messages', isGood: false, says: 'the disk is full' }
const health: Health = { startup: [GOOD], ready: [GOOD], safeToStop: [BAD], other: [BAD] }
const ask = (url: string, now = health, method = 'GET') => answer({ method, url }, () => now)

describe('answers to orchestrators', () => {
  test('are 200 while all is good, and 503 with what is not', () => {
    expect(ask('/readyz')).toMatchObject({ status: 200, body: 'ok\n' })
    expect(ask('/healthz')).toMatchObject({
      status: 503,
      body: '[-] takes messages: the disk is full\nnot ok\n',
    })
    expect(ask('/safe-to-stop').status).toBe(503)
  })

  test('list every check when that is asked for', () => {
    expect(ask('/readyz?verbose').body).toBe('[+] registered: yes\n[+] registered: yes\nok\n')
  })

  // A broker that replays a long log must be left alone, and must not be sent clients.
  test('say of a process that starts that it lives and is not ready', () => {
    expect(ask('/livez', starting).status).toBe(200)
    for (const path of ['/startupz', '/readyz', '/safe-to-stop', '/healthz']) {
      expect(ask(path, starting).status).toBe(503)
    }
  })

  test('say of a name server that has just started that it is not ready', () => {
    const counts = { brokers: 0, watchers: 0, officialClients: 0, telemetryStreams: 0 }
    const status = { ...counts, ready: false, uptimeMs: 1 }

    expect(ask('/readyz', nameServerHealth(status)).status).toBe(503)
    expect(ask('/readyz', nameServerHealth({ ...status, ready: true })).status).toBe(200)
  })

  test('name the paths there are, and refuse to be written to', () => {
    expect(ask('/nowhere')).toMatchObject({ status: 404, body: expect.stringContaining('/readyz') })
    expect(ask('/constructor').status).toBe(404)
    expect(ask('//[').status).toBe(404)
    expect(ask('/readyz', health, 'POST').status).toBe(405)
    expect(ask('/readyz', health, 'HEAD').status).toBe(200)
  })
})
