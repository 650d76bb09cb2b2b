import * as z from 'zod'
import { exactDuration, exactSize } from '../units.ts'

/** The key path of every setting in the schema, in its order. */
export function settingPaths(schema: z.ZodType): readonly (readonly string[])[] {
  const section = sectionOf(schema)
  if (section === undefined) return [[]]
  return Object.entries(section.shape).flatMap(([name, inner]) =>
    settingPaths(inner as z.ZodType).map((path) => [name, ...path]),
  )
}

/** A setting's value in the form in which a file may give it. */
export function shownValue(schema: z.ZodType, path: readonly string[], value: unknown): string {
  if (value === undefined) return ''
  if (value === Number.POSITIVE_INFINITY) return 'unlimited'
  const unit = unitAt(schema, path)
  if (typeof value === 'number' && unit === 'ms') return exactDuration(value)
  if (typeof value === 'number' && unit === 'bytes') return exactSize(value)
  if (Array.isArray(value)) return value.join(',')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function unitAt(schema: z.ZodType, [name, ...rest]: readonly string[]): unknown {
  const section = sectionOf(schema)
  if (section !== undefined && name !== undefined) {
    return unitAt(section.shape[name] as z.ZodType, rest)
  }
  const isWrapped = schema instanceof z.ZodDefault || schema instanceof z.ZodOptional
  return isWrapped ? unitAt(schema.unwrap() as z.ZodType, []) : schema.meta()?.['unit']
}

function sectionOf(schema: z.ZodType): z.ZodObject | undefined {
  if (schema instanceof z.ZodObject) return schema
  return schema instanceof z.ZodPrefault ? sectionOf(schema.unwrap() as z.ZodType) : undefined
}
