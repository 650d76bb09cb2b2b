import { describe, expect, test } from 'vitest'
import { failureToOpen } from './level-errors.ts'

describe('a failure to open a database', () => {
  // Its owner would take a full disk for damage, and throw away what is there.
  test.each([
    ['IO error: /data/level/000007.log: No space left on device', 'DISK_FULL'],
    ['IO error: /data/level/000007.log: Disk quota exceeded', 'DISK_FULL'],
    ['IO error: /data/level/CURRENT: Permission denied', 'STORE_UNUSABLE'],
    ['Corruption: bad magic number', 'STORE_UNUSABLE'],
  ])('%s is %s', (message, code) => {
    const cause = Object.assign(new Error(message), { code: 'LEVEL_IO_ERROR' })
    const error = Object.assign(new Error('Database failed to open', { cause }), {
      code: 'LEVEL_DATABASE_NOT_OPEN',
    })

    expect(failureToOpen('open the state in /data/level', error)).toMatchObject({ code, cause })
  })
})
