import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { lockDirectory } from './directory-lock.ts'

const HOLDER = `
  import { lockDirectory } from '${new URL('directory-lock.ts', import.meta.url).href}'
  await lockDirectory(process.argv[1])
  process.send('locked')
  setInterval(() => {}, 1_000)
`

describe('lockDirectory', () => {
  // A lock that outlived its process would need an operator after every crash.
  test('holds against other processes until they end, however they end', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'comet-lock-'))
    const holder = spawn(
      process.execPath,
      ['--conditions=cometmq-source', '--input-type=module', '--eval', HOLDER, folder],
      { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
    )
    onTestFinished(async () => {
      holder.kill('SIGKILL')
      await rm(folder, { recursive: true })
    })
    await once(holder, 'message')

    await expect(lockDirectory(folder)).rejects.toMatchObject({
      code: 'STORE_LOCKED',
      message: `${folder} is in use by another process; stop that process, or give this one a folder of its own`,
    })
    holder.kill('SIGKILL')
    await once(holder, 'exit')

    const lock = await lockDirectory(folder)
    await lock.release()
  })
})
