import { describe, expect, test } from 'vitest'
import { ActionLine, type Moves } from './action-line.ts'

type Item = { readonly name: string; readonly moves: Moves; readonly takesTime: boolean }

const step: Item = { name: 'step', moves: 'never', takesTime: false }
const slow: Item = { name: 'slow', moves: 'never', takesTime: true }
const copy: Item = { name: 'copy', moves: 'begins-early', takesTime: true }
const word: Item = { name: 'word', moves: 'lets-pass', takesTime: false }

describe('a line of actions', () => {
  // A confirmation must not overtake the write that it confirms.
  test('does nothing after an item before that is done', async () => {
    const line = new Line()

    line.put(slow, step)
    expect(line.story).toEqual(['slow begins'])
    await line.finish('slow')

    expect(line.story).toEqual(['slow begins', 'slow is done', 'step'])
  })

  test('does at once what takes no time', () => {
    const line = new Line()

    line.put(step, word)

    expect(line.story).toEqual(['step', 'word'])
  })

  // Else a slave would write one frame for each sync of its disk.
  test('lets an item begin early before those that let it pass, and keeps their order', async () => {
    const line = new Line()

    line.put(copy, word, copy, word)
    expect(line.story).toEqual(['copy begins', 'copy begins'])
    await line.finish('copy')
    await line.finish('copy')

    expect(line.story.slice(2)).toEqual(['copy is done', 'word', 'copy is done', 'word'])
  })

  test('lets nothing begin before an item that keeps its place', async () => {
    const line = new Line()

    line.put(copy, slow, copy)
    expect(line.story).toEqual(['copy begins'])
    await line.finish('copy')
    await line.finish('slow')

    expect(line.story.slice(1)).toEqual([
      'copy is done',
      'slow begins',
      'slow is done',
      'copy begins',
    ])
  })

  // One by one, each with a sync of its own, a slave never catches up again.
  test('lets all begin early that waited for an item which keeps its place', async () => {
    const line = new Line()

    line.put(slow, copy, word, copy, slow, copy)
    await line.finish('slow')
    expect(line.story.slice(2)).toEqual(['copy begins', 'copy begins'])
    line.put(copy)
    await line.finish('copy')
    await line.finish('copy')
    await line.finish('slow')

    expect(line.story.slice(4)).toEqual([
      'copy is done',
      'word',
      'copy is done',
      'slow begins',
      'slow is done',
      'copy begins',
      'copy begins',
    ])
  })

  test('does nothing any more after a failure', async () => {
    const line = new Line()

    line.put(copy, copy, step)
    await line.fail('copy')

    expect(line.story).toEqual(['copy begins', 'copy begins', 'failed'])
  })

  test('does not do what waits when it is closed', async () => {
    const line = new Line()

    line.put(slow, step)
    line.line.close()
    await line.finish('slow')

    expect(line.story).toEqual(['slow begins', 'slow is done'])
  })
})

class Line {
  readonly story: string[] = []
  readonly line: ActionLine<Item>
  readonly #underWay: { readonly item: Item; readonly end: PromiseWithResolvers<void> }[] = []

  constructor() {
    this.line = new ActionLine<Item>({
      moves: ({ moves }) => moves,
      failed: () => this.story.push('failed'),
      perform: (item) => {
        if (!item.takesTime) {
          this.story.push(item.name)
          return undefined
        }
        this.story.push(`${item.name} begins`)
        const end = Promise.withResolvers<void>()
        this.#underWay.push({ item, end })
        return end.promise
      },
    })
  }

  put(...items: readonly Item[]): void {
    this.line.put(items)
  }

  async finish(name: string): Promise<void> {
    this.#take(name).resolve()
    this.story.push(`${name} is done`)
    await new Promise(setImmediate)
  }

  async fail(name: string): Promise<void> {
    this.#take(name).reject(new Error('it broke'))
    await new Promise(setImmediate)
  }

  #take(name: string): PromiseWithResolvers<void> {
    const index = this.#underWay.findIndex(({ item }) => item.name === name)
    const [found] = this.#underWay.splice(index, 1)
    if (found === undefined) throw new Error(`${name} is not under way`)
    return found.end
  }
}
