import { readFile } from 'node:fs/promises'
import type { YAMLMap } from 'yaml'
import { isMap, isNode, isScalar, LineCounter, parseDocument, Scalar } from 'yaml'
import type { Given } from './given.ts'
import type { Mistake } from './mistake.ts'

/**
 * The values in a YAML file, each with its line. Whatever is below a setting is its value; an
 * unknown key is given as it stands, for the schema to refuse.
 */
export async function readSettingsFile(
  file: string | undefined,
  settings: readonly (readonly string[])[],
): Promise<{ given: Given[]; mistakes: Mistake[] }> {
  if (file === undefined) return { given: [], mistakes: [] }
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    return mistaken({ key: '', source: file, message: `the file cannot be read: ${reason}` })
  }

  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const lineOf = (offset: number): string => `${file}:${lines.linePos(offset).line}`
  if (document.errors.length > 0) {
    return {
      given: [],
      mistakes: document.errors.map((error) => ({
        key: '',
        source: lineOf(error.pos[0]),
        message: `is no YAML: ${error.message.split('\n')[0]?.replace(/ at line.*$/, '')}`,
      })),
    }
  }
  // An empty file, or one of comments only.
  if (document.contents === null) return { given: [], mistakes: [] }
  if (!isMap(document.contents)) {
    return mistaken({ key: '', source: `${file}:1`, message: 'holds a value, not settings' })
  }

  const sections = new Set(
    settings.flatMap((path) => path.slice(1).map((_, index) => path.slice(0, index + 1).join('.'))),
  )
  const given: Given[] = []
  const visit = (map: YAMLMap, above: readonly string[]): void => {
    for (const { key, value } of map.items) {
      const name = isScalar(key) ? key : new Scalar(String(key))
      const path = [...above, String(name.value)]
      const isSection = sections.has(path.join('.'))
      if (isSection && isMap(value)) {
        visit(value, path)
      } else if (!(isSection && isNothing(value))) {
        const source = lineOf(name.range?.[0] ?? 0)
        given.push({ path, value: isNode(value) ? value.toJS(document) : undefined, source })
      }
    }
  }
  visit(document.contents, [])
  return { given, mistakes: [] }
}

/** A section whose keys are all commented out. */
function isNothing(value: unknown): boolean {
  return value === null || (isScalar(value) && value.value === null)
}

function mistaken(mistake: Mistake): { given: Given[]; mistakes: Mistake[] } {
  return { given: [], mistakes: [mistake] }
}
