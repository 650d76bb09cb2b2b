import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'

/** A certificate and its key, in PEM. */
export interface TlsIdentity {
  readonly certificate: string
  readonly key: string
}

const YEAR_MS = 365 * 86_400_000

/**
 * A certificate that nobody vouches for: it encrypts, and proves nothing. Official clients that
 * insist on TLS do not verify.
 *
 * Node makes keys and signatures but no certificates. What is missing is the structure of RFC 5280
 * in DER, which is the rest of this file; libraries for it bring twenty packages and change the
 * built-in `Reflect` (ADR 4).
 */
export function selfSigned(names: readonly string[], nowMs: number): TlsIdentity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(objectId(ECDSA_WITH_SHA256))
  const who = sequence(set(sequence(objectId(COMMON_NAME), utf8('CometMQ, self-signed'))))
  const toBeSigned = sequence(
    explicit(0, integer(Buffer.from([2]))),
    // Positive, and not zero.
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    who,
    sequence(time(nowMs - 86_400_000), time(nowMs + 10 * YEAR_MS)),
    who,
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(
      3,
      sequence(
        sequence(
          objectId(SUBJECT_ALTERNATIVE_NAME),
          octets(sequence(...names.map(alternativeName))),
        ),
      ),
    ),
  )
  const signature = sign('sha256', toBeSigned, privateKey)
  const certificate = sequence(
    toBeSigned,
    algorithm,
    tagged(0x03, Buffer.concat([Buffer.alloc(1), signature])),
  )
  return {
    certificate: pem('CERTIFICATE', certificate),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

const ECDSA_WITH_SHA256 = '2a8648ce3d040302'
const COMMON_NAME = '550403'
const SUBJECT_ALTERNATIVE_NAME = '551d11'

function tagged(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content])
  const digits = Buffer.from(content.length.toString(16).padStart(4, '0'), 'hex')
  return Buffer.concat([Buffer.from([tag, 0x80 | digits.length]), digits, content])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, ...parts)
}

function set(...parts: readonly Buffer[]): Buffer {
  return tagged(0x31, ...parts)
}

function explicit(number: number, part: Buffer): Buffer {
  return tagged(0xa0 | number, part)
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes)
}

function objectId(encoded: string): Buffer {
  return tagged(0x06, Buffer.from(encoded, 'hex'))
}

function octets(content: Buffer): Buffer {
  return tagged(0x04, content)
}

function utf8(text: string): Buffer {
  return tagged(0x0c, Buffer.from(text))
}

/** GeneralizedTime; the standard wants it from 2050 on, and readers take it before, too. */
function time(atMs: number): Buffer {
  const digits = new Date(atMs).toISOString().replace(/[-:T]|\.\d+/g, '')
  const isShort = digits < '2050'
  return tagged(isShort ? 0x17 : 0x18, Buffer.from(isShort ? digits.slice(2) : digits))
}

function alternativeName(name: string): Buffer {
  if (isIP(name) === 4) return tagged(0x87, Buffer.from(name.split('.').map(Number)))
  return tagged(0x82, Buffer.from(name))
}

function pem(what: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${what}-----\n${lines.join('\n')}\n-----END ${what}-----\n`
}
