import { CometError } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import type { MasterDuties } from './master-duties.ts'
import { Mastership } from './mastership.ts'

const over = new CometError('NOT_MASTER', 'the reign is over')

describe('the mastership of a broker', () => {
  test('has duties from the beginning of a reign to its end', async () => {
    const { mastership, story } = scene()
    expect(() => mastership.need()).toThrow(expect.objectContaining({ code: 'NOT_READY' }))

    await mastership.begin()
    expect(mastership.need()).toBe(mastership.present)
    await mastership.end(over)

    expect(mastership.present).toBeUndefined()
    expect(story).toEqual(['1 begins', '1 ends'])
  })

  // Another master may have led in between: what the old duties have in memory is not true any more.
  test('never keeps the duties of one reign for the next', async () => {
    const { mastership, story } = scene()

    void mastership.begin()
    void mastership.end(over)
    await mastership.begin()

    expect(story).toEqual(['1 begins', '1 ends', '2 begins'])
  })

  test('begins nothing for a reign that has ended before its turn came', async () => {
    const { mastership, story } = scene()

    void mastership.begin()
    await mastership.end(over)

    expect(story).toEqual([])
  })

  // A reign begins, and maybe waits for slaves, while retention goes its own way: retries that wait in
  // what it deletes would be gone.
  test('has nothing deleted as long as nobody carries forward what is owed', async () => {
    const { mastership, story } = scene()
    const carry = async () => mastership.carryForward({ from: 0, to: 7 })
    await expect(carry()).rejects.toMatchObject({ code: 'NOT_READY' })

    await mastership.begin()
    await carry()
    await mastership.end(over)

    await expect(carry()).rejects.toMatchObject({ code: 'NOT_READY' })
    expect(story).toEqual(['1 begins', '1 carries below 7', '1 ends'])
  })

  test('says why it may not answer, whatever it has', async () => {
    const { mastership, refuse } = scene()
    await mastership.begin()

    refuse(over)

    expect(() => mastership.need()).toThrow(over)
    expect(mastership.present).toBeDefined()
  })
})

function scene() {
  const story: string[] = []
  let refusal: CometError | undefined
  let count = 0
  const mastership = new Mastership({
    begin: async () => {
      const name = ++count
      story.push(`${name} begins`)
      await Promise.resolve()
      const end = async (): Promise<void> => void story.push(`${name} ends`)
      const carryForward = async ({ to }: { readonly to: number }): Promise<void> =>
        void story.push(`${name} carries below ${to}`)
      return { end, delivery: { carryForward } } as unknown as MasterDuties
    },
    refusal: () => refusal,
    failed: (error) => {
      throw error
    },
  })
  const refuse = (why: CometError): void => {
    refusal = why
  }
  return { mastership, story, refuse }
}
