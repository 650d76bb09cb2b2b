import { CometError } from './errors.ts'
import { limits } from './limits.ts'

/** A message as a producer hands it in, body encoded. */
export interface Message {
  readonly body: Uint8Array
  /** One word to filter by. */
  readonly tag?: string | undefined
  /** Business keys to look the message up by. */
  readonly keys?: readonly string[] | undefined
  readonly properties?: Readonly<Record<string, string>> | undefined
  /** Messages of one group keep their order: they share a queue. */
  readonly messageGroup?: string | undefined
  /** The caller's own identity of the message; without one it is made of producer id and number. */
  readonly messageId?: string | undefined
}

/** Throws a typed error that names the field, unless the message keeps every limit. */
export function checkMessage(message: Message): void {
  if (message.body.length > limits.messageBodyMaxBytes) {
    throw new CometError(
      'MESSAGE_TOO_LARGE',
      `a message body has ${message.body.length} bytes, ${limits.messageBodyMaxBytes} are allowed`,
    )
  }
  if (message.tag !== undefined) checkTag(message.tag)
  if (message.messageGroup !== undefined) {
    checkText('message group', message.messageGroup, limits.messageGroupMaxBytes)
  }
  if (message.messageId !== undefined) {
    checkText('message id', message.messageId, limits.messageIdMaxBytes)
  }
  if (message.keys !== undefined || message.properties !== undefined) checkProperties(message)
}

/** Throws `ILLEGAL_ARGUMENT` unless `tag` may stand in a message and in a filter expression. */
export function checkTag(tag: string): void {
  checkText('tag', tag, limits.propertiesMaxBytes)
  if (tag.includes('|')) throw new CometError('ILLEGAL_ARGUMENT', `the tag "${tag}" contains "|"`)
}

function checkProperties(message: Message): void {
  let bytes = message.tag === undefined ? 0 : Buffer.byteLength(message.tag)
  const keys = message.keys ?? []
  if (keys.length > limits.keysMaxCount) {
    throw new CometError(
      'PROPERTIES_TOO_LARGE',
      `a message has ${keys.length} keys, ${limits.keysMaxCount} are allowed`,
    )
  }
  for (const key of keys) {
    checkText('message key', key, limits.propertiesMaxBytes)
    bytes += Buffer.byteLength(key)
  }
  const properties = Object.entries(message.properties ?? {})
  for (const [key, value] of properties) {
    checkText('property key', key, limits.propertiesMaxBytes)
    checkWellFormed('property value', value)
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  if (properties.length > limits.propertiesMaxCount) {
    throw new CometError(
      'PROPERTIES_TOO_LARGE',
      `a message has ${properties.length} properties, ${limits.propertiesMaxCount} are allowed`,
    )
  }
  if (bytes > limits.propertiesMaxBytes) {
    throw new CometError(
      'PROPERTIES_TOO_LARGE',
      `tag, keys and properties of a message take ${bytes} bytes, ${limits.propertiesMaxBytes} are allowed`,
    )
  }
}

/**
 * What a door keeps with a message that is none of its user's business has a property of a name
 * that no user can give: it begins with a control character.
 */
export function isHiddenProperty(key: string): boolean {
  return key.charCodeAt(0) === 1
}

/** The properties as their user set them; the same object if nothing is hidden. */
export function visibleProperties(
  properties: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  let isClean = true
  for (const key in properties) if (isHiddenProperty(key)) isClean = false
  if (isClean) return properties
  return Object.fromEntries(Object.entries(properties).filter(([key]) => !isHiddenProperty(key)))
}

// biome-ignore lint: the control characters are what the expression looks for.
const CONTROL = /[\u0000-\u001f\u007f]/

function checkText(what: string, text: string, maxBytes: number): void {
  checkWellFormed(what, text)
  if (text.trim().length === 0) throw new CometError('ILLEGAL_ARGUMENT', `a ${what} is blank`)
  if (CONTROL.test(text)) {
    throw new CometError('ILLEGAL_ARGUMENT', `a ${what} contains control characters`)
  }
  if (Buffer.byteLength(text) > maxBytes) {
    throw new CometError('ILLEGAL_ARGUMENT', `a ${what} is longer than ${maxBytes} bytes`)
  }
}

/** Half a surrogate pair has no UTF-8: it would arrive as another character than was sent. */
function checkWellFormed(what: string, text: string): void {
  // Callers without a compiler hand in numbers and dates as well.
  if (typeof text === 'string' && text.isWellFormed()) return
  throw new CometError(
    'ILLEGAL_ARGUMENT',
    typeof text === 'string'
      ? `a ${what} contains half a surrogate pair`
      : `a ${what} is of type ${typeof text}, only strings are sent`,
  )
}
