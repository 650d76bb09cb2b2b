import { describe } from 'vitest'
import { describeFileSystem } from './contracts/index.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import { VirtualClock } from './virtual-clock.ts'

describe('SimulatedFileSystem', () => {
  describeFileSystem(async () => {
    const clock = new VirtualClock()
    const disk = new SimulatedDisk({ clock })
    await clock.runUntil(disk.files.makeDirectory('/data'), { limitMs: 1_000 })
    return {
      port: disk.files,
      folder: '/data',
      run: (check) => clock.runUntil(check(), { limitMs: 60_000 }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
  })
})
