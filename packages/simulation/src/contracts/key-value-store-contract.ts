import type { KeyRange, KeyValueStore, KeyValueStores } from '@cometmq/runtime'
import { describe, expect } from 'vitest'
import { type Subject, testWith } from './subject.ts'

export interface KeyValueStoresSubject extends Subject<KeyValueStores> {
  /** A folder for a store; nothing is there. */
  readonly path: string
}

/** What every `KeyValueStores` promises while the machine runs. */
export function describeKeyValueStores(open: () => Promise<KeyValueStoresSubject>): void {
  const check = testWith(open)

  check('keeps rows until they are deleted', async ({ port, path }) => {
    const store = await port.open(path)
    await store.apply([put('a', '1'), put('b', '2')])
    await store.apply([remove('a'), put('b', '3'), remove('missing')])

    expect(store.get(Buffer.from('a'))).toBeUndefined()
    expect(store.get(Buffer.from('b'))?.toString()).toBe('3')
    await store.close()
  })

  check('applies the operations of a batch in their order', async ({ port, path }) => {
    const store = await port.open(path)

    await store.apply([put('a', '1'), remove('a'), put('a', '2'), put('b', '1'), remove('b')])

    expect(await rows(store, range('a', 'z'))).toEqual(['a=2'])
    await store.close()
  })

  check('keeps its rows when it is opened again', async ({ port, path }) => {
    const store = await port.open(path)
    await store.apply([put('a', '1')])
    await store.close()

    const again = await port.open(path)

    expect(again.get(Buffer.from('a'))?.toString()).toBe('1')
    await again.close()
  })

  // Offsets and times are big-endian in keys: a store that compared characters, or signed bytes,
  // would return them in another order than they have.
  check('sorts keys byte by byte', async ({ port, path }) => {
    const store = await port.open(path)
    const keys = [[0x7f], [0x80], [0xff], [0x00], [0x7f, 0x00], [0xc3, 0xa9]]
    await store.apply(
      keys.map((key) => ({ kind: 'put', key: Buffer.from(key), value: Buffer.alloc(0) })),
    )

    const found: string[] = []
    for await (const [key] of store.entries({
      from: Buffer.from([0]),
      to: Buffer.from([0xff, 0xff]),
    })) {
      found.push(key.toString('hex'))
    }

    expect(found).toEqual(['00', '7f', '7f00', '80', 'c3a9', 'ff'])
    await store.close()
  })

  check('reads a range without its end, up to a limit, either way', async ({ port, path }) => {
    const store = await port.open(path)
    await store.apply(['a', 'b', 'c', 'd', 'e'].map((key) => put(key, key)))

    expect(await rows(store, range('b', 'd'))).toEqual(['b=b', 'c=c'])
    expect(await rows(store, { ...range('a', 'z'), limit: 2 })).toEqual(['a=a', 'b=b'])
    expect(await rows(store, { ...range('a', 'e'), reverse: true, limit: 2 })).toEqual([
      'd=d',
      'c=c',
    ])
    expect(await rows(store, { ...range('a', 'z'), limit: 0 })).toEqual([])
    expect(await rows(store, range('x', 'y'))).toEqual([])
    await store.close()
  })

  // A reader that saw rows of a later batch could pair them with an older mark.
  check('reads a range as it was when the reading began', async ({ port, path }) => {
    const store = await port.open(path)
    await store.apply([put('a', 'old'), put('b', 'old')])

    const found: string[] = []
    for await (const [key, value] of store.entries(range('a', 'z'))) {
      if (found.length === 0) await store.apply([put('b', 'new'), put('c', 'new')])
      found.push(textOf(key, value))
    }

    expect(found).toEqual(['a=old', 'b=old'])
    await store.close()
  })

  check('lets a reading be given up', async ({ port, path }) => {
    const store = await port.open(path)
    await store.apply(['a', 'b', 'c'].map((key) => put(key, key)))

    for await (const [key] of store.entries(range('a', 'z'))) {
      expect(key.toString()).toBe('a')
      break
    }

    await store.close()
  })

  // A buffer that the store still held would change the row when its owner uses it again.
  check('is not touched by what becomes of the buffers given to it', async ({ port, path }) => {
    const store = await port.open(path)
    const value = Buffer.from('before')
    await store.apply([{ kind: 'put', key: Buffer.from('a'), value }])

    value.write('after!')

    expect(store.get(Buffer.from('a'))?.toString()).toBe('before')
    await store.close()
  })

  check('is open once at a time', async ({ port, path }) => {
    const store = await port.open(path)

    await expect(port.open(path)).rejects.toMatchObject({ code: 'STORE_UNUSABLE' })
    await store.close()
  })

  describe('after it was closed', () => {
    check('refuses with STORE_UNUSABLE', async ({ port, path }) => {
      const store = await port.open(path)
      await store.close()

      const failure = expect.objectContaining({ code: 'STORE_UNUSABLE' })
      expect(() => store.get(Buffer.from('a'))).toThrow(failure)
      await expect(store.apply([put('a', '1')])).rejects.toEqual(failure)
      await expect(rows(store, range('a', 'z'))).rejects.toEqual(failure)
    })
  })
}

function put(key: string, value: string) {
  return { kind: 'put', key: Buffer.from(key), value: Buffer.from(value) } as const
}

function remove(key: string) {
  return { kind: 'delete', key: Buffer.from(key) } as const
}

function range(from: string, to: string): KeyRange {
  return { from: Buffer.from(from), to: Buffer.from(to) }
}

async function rows(store: KeyValueStore, keys: KeyRange): Promise<string[]> {
  const found: string[] = []
  for await (const [key, value] of store.entries(keys)) found.push(textOf(key, value))
  return found
}

function textOf(key: Buffer, value: Buffer): string {
  return `${key.toString()}=${value.toString()}`
}
