import path from 'node:path'
import { CometError } from '@cometmq/protocol'
import { Level } from 'level'
import type { DirectoryLock } from '../file-system.ts'
import { failureToOpen, levelCause } from './level-errors.ts'

/**
 * Takes the folder for this process.
 *
 * Node has no file locks, and a file that says "locked" outlives a process that was killed. LevelDB
 * holds an operating-system lock for as long as a database is open; so an empty one in
 * `<folder>/lock` is that lock, and vanishes with the process however it ends.
 */
export async function lockDirectory(folder: string): Promise<DirectoryLock> {
  const place = path.posix.join(folder, 'lock')
  const database = new Level(place)
  try {
    await database.open()
  } catch (error) {
    const { code, cause } = levelCause(error)
    if (code === 'LEVEL_LOCKED') {
      const advice = 'stop that process, or give this one a folder of its own'
      throw new CometError('STORE_LOCKED', `${folder} is in use by another process; ${advice}`, {
        cause,
      })
    }
    throw failureToOpen(`lock ${folder}`, error)
  }
  return { release: () => database.close() }
}
