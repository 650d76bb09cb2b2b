import type * as z from 'zod'

/**
 * A rule over several settings, as the arguments of `refine`. It is looked at together with all
 * other mistakes, unless one of its own settings is mistaken. `keys[0]` takes the blame.
 */
export function together<Settings>(rule: {
  readonly keys: readonly [string, ...string[]]
  readonly holds: (settings: Settings) => boolean
  /** Ends the sentence that the key begins. */
  readonly message: string
}): [
  (settings: Settings) => boolean,
  {
    path: string[]
    message: string
    params: { together: true }
    when: (payload: z.core.ParsePayload) => boolean
  },
] {
  const paths = rule.keys.map((key) => key.split('.'))
  return [
    rule.holds,
    {
      path: rule.keys[0].split('.'),
      message: rule.message,
      params: { together: true },
      when: ({ issues }) =>
        !issues.some(
          ({ code, path = [] }) =>
            code !== 'unrecognized_keys' &&
            paths.some((own) => path.every((name, index) => name === own[index])),
        ),
    },
  ]
}
