import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describeKeyValueStores } from '@cometmq/simulation/contracts'
import { describe, expect, test } from 'vitest'
import { levelStores, levelStoresOn } from './level-stores.ts'

describe('levelStores', () => {
  describeKeyValueStores(async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'comet-level-'))
    return {
      port: levelStores,
      path: path.join(folder, 'state'),
      run: (check) => check(),
      [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
    }
  })

  // Its owner then removes the folder and derives the rows again, if it is told so.
  test('says STORE_UNUSABLE when the files are damaged', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'comet-level-'))
    const store = await levelStores.open(folder)
    await store.close()
    const manifest = (await readdir(folder)).find((name) => name.startsWith('MANIFEST')) ?? ''
    await writeFile(path.join(folder, manifest), 'no manifest at all')

    await expect(levelStores.open(folder)).rejects.toMatchObject({ code: 'STORE_UNUSABLE' })

    await rm(folder, { recursive: true })
  })

  // LevelDB goes on after a write that found no space, and then what it writes may be lost by the
  // next start, the older batches before the newer. So it must not come to that.
  test('refuses a batch with DISK_FULL before the disk is full, and takes it when it is not', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'comet-level-'))
    let freeBytes = 1_000_000
    const store = await levelStoresOn(() => Promise.resolve(freeBytes)).open(folder)
    const [key, value] = [Buffer.from('key'), Buffer.from('value')]

    const refused = store.apply([{ kind: 'put', key, value }])
    await expect(refused).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect(store.get(key)).toBeUndefined()

    freeBytes = 1_000_000_000
    await store.apply([{ kind: 'put', key, value }])
    expect(store.get(key)).toEqual(value)
    await store.close()
    await rm(folder, { recursive: true })
  })

  // What retention deletes is what brings space back.
  test('takes deletions when there is hardly any space', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'comet-level-'))
    let freeBytes = 1_000_000_000
    const store = await levelStoresOn(() => Promise.resolve(freeBytes)).open(folder)
    const key = Buffer.from('key')
    await store.apply([{ kind: 'put', key, value: Buffer.from('value') }])

    freeBytes = 2_000_000
    await store.apply([{ kind: 'delete', key }])
    expect(store.get(key)).toBeUndefined()

    freeBytes = 1_000
    const refused = store.apply([{ kind: 'delete', key }])
    await expect(refused).rejects.toMatchObject({ code: 'DISK_FULL' })
    await store.close()
    await rm(folder, { recursive: true })
  })
})
