import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describeKeyValueStores } from '@cometmq/simulation/contracts'
import { describe, expect, test } from 'vitest'
import { levelStores } from './level-stores.ts'

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
})
