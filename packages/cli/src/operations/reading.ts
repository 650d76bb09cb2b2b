/** Read when somebody asks for it: on the paths of messages only plain fields are counted. */
export type Reading = {
  readonly name: string
  readonly help: string
  readonly kind: 'counter' | 'gauge'
} & (
  | { readonly read: () => number }
  | {
      /** By which the samples differ. */
      readonly label: string
      readonly samples: () => readonly Sample[]
    }
)

export interface Sample {
  readonly label: string
  readonly value: number
}
