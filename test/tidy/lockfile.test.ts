/** Holds `package-lock.json` to what `npm ci` needs on every machine. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

interface Entry {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const lockfile = new URL('../../package-lock.json', import.meta.url)
const { packages }: { packages: Readonly<Record<string, Entry>> } = JSON.parse(
  readFileSync(lockfile, 'utf8'),
)
const installed = Object.entries(packages).filter(
  ([place, { link }]) => place.includes('node_modules/') && link !== true,
)

describe('package-lock.json', () => {
  // An address would bind everybody to the registry of whoever ran `npm install` last.
  test('names no download address', () => {
    expect(installed).not.toEqual([])
    expect(installed.filter(([, { resolved }]) => resolved !== undefined)).toEqual([])
  })

  // Without addresses, the checksums are all that says what is to be installed.
  test('holds a checksum of every package', () => {
    expect(installed.filter(([, { integrity }]) => integrity === undefined)).toEqual([])
  })

  // npm leaves out an optional package that its registry cannot deliver, without a word, and then
  // `npm ci` refuses the lockfile on every platform.
  test('holds the packages of every platform', () => {
    const missing = Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) =>
          packages[`node_modules/${name}`] === undefined &&
          packages[`${place}/node_modules/${name}`] === undefined,
      ),
    )

    expect(missing).toEqual([])
  })

  // Two of them do not know each other's types, and @grpc/proto-loader brings 7.
  test('holds one protobufjs, of major 7', () => {
    const versions = installed
      .filter(([place]) => place.endsWith('node_modules/protobufjs'))
      .map(([, { version }]) => version?.split('.')[0])

    expect(versions).toEqual(['7'])
  })
})
