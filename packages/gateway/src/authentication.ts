import type { CallMetadata } from '@cometmq/runtime'
import { isSignature } from './digests.ts'
import { RefusedCall } from './status.ts'

const SCHEME = 'MQv2-HMAC-SHA1'

/**
 * Checks the signature of a call. It covers the text of `x-mq-date-time` and nothing else, and that
 * text is written in the client's own time zone and format, so that no age can be judged by it.
 *
 * Throws `UNAUTHORIZED`.
 */
export function authenticate(
  metadata: CallMetadata,
  users: Readonly<Record<string, string>> | undefined,
): void {
  if (users === undefined) return
  const { accessKey, signature } = parseAuthorization(metadata['authorization'])
  const dateTime = metadata['x-mq-date-time']
  if (dateTime === undefined || dateTime === '') throw unauthorized('x-mq-date-time is missing')
  const secretKey = Object.hasOwn(users, accessKey) ? users[accessKey] : undefined
  // Of an unknown user the signature is computed, too: time must not tell who is known.
  const isSigned = isSignature(signature, { text: dateTime, secretKey: secretKey ?? '' })
  if (secretKey === undefined || !isSigned) {
    throw unauthorized('the access key is not known, or the signature is not of its secret key')
  }
}

/** Throws `UNAUTHORIZED` unless the header has its form. */
function parseAuthorization(header: string | undefined): { accessKey: string; signature: string } {
  const text = (header ?? '').trim()
  const at = text.indexOf(' ')
  if (at < 0 || text.slice(0, at) !== SCHEME) {
    throw unauthorized(`the authorization header does not begin with ${SCHEME}`)
  }
  const fields = new Map<string, string>()
  for (const part of text.slice(at).split(',')) {
    const equals = part.indexOf('=')
    if (equals > 0) fields.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim())
  }
  // A region and a service may follow the key.
  const accessKey = fields.get('Credential')?.split('/', 1)[0] ?? ''
  return { accessKey, signature: fields.get('Signature') ?? '' }
}

function unauthorized(message: string): RefusedCall {
  return new RefusedCall('UNAUTHORIZED', message)
}
