import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describeFileSystem } from '@cometmq/simulation/contracts'
import { describe, expect, test } from 'vitest'
import { nodeFileSystem } from './node-file-system.ts'

describe('nodeFileSystem', () => {
  describeFileSystem(async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'comet-files-'))
    return {
      port: nodeFileSystem,
      folder,
      run: (check) => check(),
      [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
    }
  })

  // Refusing writes because the disk is full is something callers act on; being unusable is not.
  test.runIf(process.platform === 'linux')('says DISK_FULL when no space is left', async () => {
    const full = await nodeFileSystem.openFile('/dev/full')

    await expect(full.writeAt([Buffer.from('x')], 0)).rejects.toMatchObject({ code: 'DISK_FULL' })

    await full.close()
  })

  // Node's own way of making a folder with its parents never returns there, and keeps a core busy.
  test.runIf(process.platform === 'linux')('gives up on a folder that cannot be made', async () => {
    for (const folder of ['/proc/comet', '/proc/comet/data', '/dev/null/data']) {
      await expect(nodeFileSystem.makeDirectory(folder)).rejects.toMatchObject({
        code: 'STORE_UNUSABLE',
        message: expect.stringMatching(`^cannot make ${folder}: E`),
      })
    }
  })
})
