import { CometError } from '@cometmq/protocol'
import type { StandardSchemaV1 } from '@standard-schema/spec'

/**
 * The checked value, or a promise of it where the schema works asynchronously.
 *
 * Throws, or rejects with, `SCHEMA_MISMATCH`, naming each field that does not fit.
 */
export function checkSchema<Out>(
  schema: StandardSchemaV1<unknown, Out>,
  value: unknown,
): Out | Promise<Out> {
  const result = schema['~standard'].validate(value)
  return isPromise(result) ? result.then(valueOf) : valueOf(result)
}

export function isPromise<T>(value: T | PromiseLike<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}

function valueOf<Out>(result: StandardSchemaV1.Result<Out>): Out {
  if (result.issues === undefined) return result.value
  throw new CometError('SCHEMA_MISMATCH', result.issues.map(describeIssue).join('; '))
}

function describeIssue(issue: StandardSchemaV1.Issue): string {
  const path = issue.path?.map((part) => String(typeof part === 'object' ? part.key : part)) ?? []
  return path.length === 0 ? issue.message : `${path.join('.')}: ${issue.message}`
}
