import { describeRandom } from '@cometmq/simulation/contracts'
import { describe } from 'vitest'
import { systemRandom } from './system-random.ts'

describe('systemRandom', () => {
  describeRandom(() =>
    Promise.resolve({
      port: systemRandom,
      run: (check) => check(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  )
})
