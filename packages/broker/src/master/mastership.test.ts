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
    expect(story).toEqual(['prepares', '1 begins', '1 ends'])
  })

  // Another master may have led in between: what the old duties have in memory is not true any more.
  test('never keeps the duties of one reign for the next', async () => {
    const { mastership, story } = scene()

    void mastership.begin()
    void mastership.end(over)
    await mastership.begin()

    expect(story).toEqual(['prepares', '1 begins', '1 ends', 'prepares', '2 begins'])
  })

  test('begins nothing for a reign that has ended before its turn came', async () => {
    const { mastership, story } = scene()

    void mastership.begin()
    await mastership.end(over)

    expect(story).toEqual([])
  })

  // Duties that are at work know nothing of what is done beside them.
  test('does something between two duties of one reign, and nobody is served meanwhile', async () => {
    const { mastership, story } = scene()
    await mastership.begin()

    await mastership.renew(async () => {
      expect(() => mastership.need()).toThrow(expect.objectContaining({ code: 'NOT_READY' }))
      story.push('between')
    })

    expect(story).toEqual(['prepares', '1 begins', '1 ends', 'between', '2 begins'])
    expect(mastership.present).toBeDefined()
  })

  test('does nothing more for a reign that has ended', async () => {
    const { mastership, story } = scene()
    await mastership.begin()
    const between = async (): Promise<void> => void story.push('between')

    const [renewed] = [mastership.renew(between), mastership.end(over)]
    await renewed
    await mastership.renew(between)

    expect(story).toEqual(['prepares', '1 begins', '1 ends'])
    expect(mastership.present).toBeUndefined()
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
    expect(story).toEqual(['prepares', '1 begins', '1 carries below 7', '1 ends'])
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
    prepare: async () => void story.push('prepares'),
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
