import { describeClock } from '@cometmq/simulation/contracts'
import { describe } from 'vitest'
import { systemClock } from './system-clock.ts'

describe('systemClock', () => {
  describeClock(() =>
    Promise.resolve({
      port: systemClock,
      run: (check) => check(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  )
})
