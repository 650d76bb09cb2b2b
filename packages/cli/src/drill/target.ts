/** What a fault is about to hit, as far as a command has to know it. */
export interface Target {
  readonly brokerName: string
  /** Member id; 0 where there is only one. */
  readonly master: number
  /** `host:port`, where clients reach it. */
  readonly masterAddress: string
  /** Undefined in a group of one. */
  readonly slave: number | undefined
  readonly slaveAddress: string | undefined
}

const PLACES = ['brokerName', 'master', 'masterAddress', 'slave', 'slaveAddress'] as const

/** Whatever else could mean something to a shell, and comes from the cluster. */
const PLAIN = /^[\w.:[\]-]+$/

/** What cannot be filled in, as a sentence, or the text with its places filled. */
export type Filled =
  | { readonly kind: 'filled'; readonly text: string }
  | { readonly kind: 'refused'; readonly why: string }

/** Fills `{master}`, `{masterAddress}`, `{brokerName}`, … into a command or a sentence. */
export function fill(text: string, target: Target): Filled {
  let filled = text
  for (const place of PLACES) {
    if (!text.includes(`{${place}}`)) continue
    const value = target[place]
    if (value === undefined) return refused(`{${place}}: ${target.brokerName} has no slave`)
    if (!PLAIN.test(String(value))) {
      return refused(`{${place}} is ${JSON.stringify(value)}, which a shell could misread`)
    }
    filled = filled.replaceAll(`{${place}}`, String(value))
  }
  return { kind: 'filled', text: filled }
}

function refused(why: string): Filled {
  return { kind: 'refused', why }
}
