import { SeededRandom, SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import type { MemberFile } from '../actions.ts'
import { encodeMemberFile, readMemberFile, writeMemberFile } from './member-file.ts'

const home = {
  folder: '/data/replication',
  cluster: 'c1',
  brokerName: 'broker-a',
  storeId: 'b7c0',
}
const member: MemberFile = {
  brokerId: 2,
  storeId: 'b7c0',
  incarnation: 17,
  trustedSince: 15,
  lastSeenEpoch: 42,
  electorId: 'cdf818194e3a8c32',
}

describe('the file of a member', () => {
  test.each([
    ['whole', member],
    ['without number and elector', { ...member, brokerId: undefined, electorId: undefined }],
  ])('is read as it was written, %s', async (_, written) => {
    const { files, run } = await disk()

    await run(writeMemberFile(files, home, written))

    expect(await run(readMemberFile(files, home))).toEqual(written)
  })

  test('is not there at first', async () => {
    const { files, run } = await disk()

    expect(await run(readMemberFile(files, home))).toBeUndefined()
  })

  // A member that guessed could act in an epoch that it has forgotten.
  test('is refused after any change of a byte', async () => {
    const { files, run } = await disk()
    const text = Buffer.from(encodeMemberFile(home, member))
    for (let at = 0; at < text.length; at++) {
      const damaged = Buffer.from(text)
      damaged[at] = (damaged[at] as number) ^ 1
      await run(files.replaceFile(`${home.folder}/member.json`, damaged))

      await expect(run(readMemberFile(files, home)), `byte ${at}`).rejects.toMatchObject({
        code: 'STORE_CORRUPT',
      })
    }
  })

  test.each([
    ['another cluster', { cluster: 'c2' }, 'CONFIG_INVALID'],
    ['another group', { brokerName: 'broker-b' }, 'CONFIG_INVALID'],
    ['another store', { storeId: 'aaaa' }, 'STORE_CORRUPT'],
  ])('is refused in %s', async (_, changes, code) => {
    const { files, run } = await disk()
    await run(writeMemberFile(files, home, member))

    const reading = run(readMemberFile(files, { ...home, ...changes }))

    await expect(reading).rejects.toMatchObject({ code })
  })

  test('keeps its format', async () => {
    await expect(encodeMemberFile(home, member)).toMatchFileSnapshot(
      '../../../../test/formats/frozen/replication-member.txt',
    )
  })
})

async function disk() {
  const clock = new VirtualClock()
  const simulated = new SimulatedDisk({ clock, random: new SeededRandom(1) })
  const { files } = simulated.startProcess(clock)
  const run = <T>(work: Promise<T>): Promise<T> => clock.runUntil(work, { limitMs: 10_000 })
  await run(files.makeDirectory(home.folder))
  return { files, run }
}
