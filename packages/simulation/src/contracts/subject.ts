import { test } from 'vitest'

/** What a contract is checked against: one adapter of a port, freshly made. */
export interface Subject<Port> extends AsyncDisposable {
  readonly port: Port

  /** Runs a check to its end. A simulated subject lets its time pass meanwhile. */
  run(check: () => Promise<void>): Promise<void>
}

/** Registers tests that each get a subject of their own. */
export function testWith<S extends Subject<unknown>>(
  open: () => Promise<S>,
): (name: string, check: (subject: S) => Promise<void>) => void {
  return (name, check) => {
    // oxlint-disable-next-line vitest/expect-expect, vitest/valid-title -- the caller has both
    test(name, async () => {
      await using subject = await open()
      await subject.run(() => check(subject))
    })
  }
}
