import { describe, expect, test } from 'vitest'
import { hasEtcd, LocalEtcd } from './local-etcd.ts'

describe.skipIf(!hasEtcd)('an etcd of our own (takes a program named etcd)', () => {
  test('knows no more than its backup when that is restored', async () => {
    await using etcd = await LocalEtcd.start(1)
    const [member] = etcd.members
    await member?.put('key', 'old')
    await member?.kill()
    await member?.backUp()
    member?.restart()
    await etcd.leader()
    await member?.put('key', 'new')
    await member?.kill()

    await member?.restore()
    member?.restart()
    await etcd.leader()

    expect(await member?.get('key')).toBe('old')
  })
})
