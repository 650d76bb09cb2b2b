import * as z from 'zod'

/** The key path of every setting in the schema, in its order. */
export function settingPaths(schema: z.ZodType): readonly (readonly string[])[] {
  const section = sectionOf(schema)
  if (section === undefined) return [[]]
  return Object.entries(section.shape).flatMap(([name, inner]) =>
    settingPaths(inner as z.ZodType).map((path) => [name, ...path]),
  )
}

function sectionOf(schema: z.ZodType): z.ZodObject | undefined {
  if (schema instanceof z.ZodObject) return schema
  return schema instanceof z.ZodPrefault ? sectionOf(schema.unwrap() as z.ZodType) : undefined
}
