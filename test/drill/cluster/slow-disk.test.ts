import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { SlowDisk } from './slow-disk.ts'

const FLUSH = `
  const { open } = await import('node:fs/promises')
  const file = await open(process.argv[1], 'w')
  const beganMs = performance.now()
  await file.datasync()
  console.log(performance.now() - beganMs)`

// A hook that hooks nothing leaves the disk as fast as it was, and the drill passes for it.
test('flushes of a process take longer while its disk is slow', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'comet-slow-disk-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const disk = new SlowDisk(path.join(folder, 'switch'))
  const flushMs = async (): Promise<number> => {
    const args = ['--input-type=module', '-e', FLUSH, path.join(folder, 'file')]
    const env = { ...process.env, ...disk.env }
    const { stdout } = await promisify(execFile)(process.execPath, args, { env })
    return Number(stdout)
  }

  await disk.slowDown(500)

  expect(await flushMs()).toBeGreaterThan(450)
})
