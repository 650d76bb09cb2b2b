import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** MD5 of a body, in upper-case hexadecimal: some clients compare it letter by letter. */
export function md5Of(body: Uint8Array): string {
  return createHash('md5').update(body).digest('hex').toUpperCase()
}

/** Whether the hexadecimal `signature` is the HMAC-SHA1 of `text`, in time that tells nothing. */
export function isSignature(
  signature: string,
  signed: { readonly text: string; readonly secretKey: string },
): boolean {
  if (!/^[0-9a-fA-F]{40}$/.test(signature)) return false
  const expected = createHmac('sha1', signed.secretKey).update(signed.text).digest()
  return timingSafeEqual(expected, Buffer.from(signature, 'hex'))
}
