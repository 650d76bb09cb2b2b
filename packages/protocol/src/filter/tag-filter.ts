import type { RecordBatch } from '../batch/record-batch.ts'
import type { BatchTags } from '../batch/sections.ts'
import { CometError } from '../errors.ts'
import { limits } from '../limits.ts'
import { checkTag } from '../message.ts'
import type { FilterText, Matches } from './filter-text.ts'

/** All messages, or those that carry one of some tags. */
export class TagFilter {
  /** The expression in its one normal form: equal filters have equal texts. `*`: all. */
  readonly text: string
  readonly #tags: ReadonlySet<string> | undefined

  private constructor(text: string, tags: ReadonlySet<string> | undefined) {
    this.text = text
    this.#tags = tags
  }

  static readonly all = new TagFilter('*', undefined)

  /** Tags joined by `||`; `*` or nothing is all. Throws `ILLEGAL_FILTER`. */
  static parse(expression: string): TagFilter {
    if (Buffer.byteLength(expression) > limits.filterMaxBytes) {
      throw new CometError(
        'ILLEGAL_FILTER',
        `a filter is longer than ${limits.filterMaxBytes} bytes; use fewer tags`,
      )
    }
    const tags = expression
      .split('||')
      .map((tag) => tag.trim())
      .filter((tag) => tag.length > 0)
    if (tags.length === 0 || (tags.length === 1 && tags[0] === '*')) return TagFilter.all
    for (const tag of tags) {
      if (tag === '*') {
        throw new CometError('ILLEGAL_FILTER', `the filter "${expression}" joins "*" with tags`)
      }
      checkFilterTag(tag)
    }
    const sorted = [...new Set(tags)].toSorted()
    return new TagFilter(sorted.join('||'), new Set(sorted))
  }

  get expression(): FilterText {
    return { filter: this.text }
  }

  get isAll(): boolean {
    return this.#tags === undefined
  }

  /** The wanted ones among the batch's messages: all, none, or by index. No body is opened. */
  matchesOf(batch: RecordBatch): Matches {
    if (this.#tags === undefined) return 'all'
    const { tags } = batch.sections
    if (tags === undefined) return 'none'
    if (tags.kind === 'uniform') return this.#tags.has(tags.tag) ? 'all' : 'none'
    return matchesByEntry(tags, this.#tags)
  }
}

/** Strings are compared once for each tag of the batch's dictionary, not for each message. */
function matchesByEntry(
  tags: Extract<BatchTags, { kind: 'each' }>,
  wanted: ReadonlySet<string>,
): 'none' | ((index: number) => boolean) {
  const isWanted = tags.dictionary.map((tag) => wanted.has(tag))
  if (!isWanted.includes(true)) return 'none'
  return (index) => {
    const entry = tags.indexes[index]
    // An entry beyond the dictionary says that the message has no tag.
    return entry !== undefined && isWanted[entry] === true
  }
}

function checkFilterTag(tag: string): void {
  try {
    checkTag(tag)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CometError('ILLEGAL_FILTER', why, { cause })
  }
}
