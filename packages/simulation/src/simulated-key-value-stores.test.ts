import { describe } from 'vitest'
import { describeKeyValueStores } from './contracts/index.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import { VirtualClock } from './virtual-clock.ts'

describe('SimulatedKeyValueStores', () => {
  describeKeyValueStores(() => {
    const clock = new VirtualClock()
    const disk = new SimulatedDisk({ clock })
    return Promise.resolve({
      port: disk.keyValueStores,
      path: '/data/state',
      run: (check) => clock.runUntil(check(), { limitMs: 60_000 }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    })
  })
})
