import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { CometError } from '../errors.ts'
import { limits } from '../limits.ts'

/**
 * The largest window a compressed body may ask its reader to keep: 8 MiB, the first power of two
 * above the largest body. Else a few bytes could claim the 128 MiB that zstd allows by default.
 */
const WINDOW_LOG_MAX = 23

/** Compresses a body as one zstd frame. */
export function compress(plain: Buffer): Buffer {
  return zstdCompressSync(plain)
}

/**
 * Opens a compressed body that claims to have `bodyBytes`, at the cost of no more than those.
 *
 * Throws `MALFORMED_BATCH` if it is damaged, longer, or claims more than `batchMaxBytes`.
 */
export function decompress(stored: Buffer, bodyBytes: number): Buffer {
  if (bodyBytes > limits.batchMaxBytes) {
    throw new CometError(
      'MALFORMED_BATCH',
      `a compressed body claims ${bodyBytes} bytes, ${limits.batchMaxBytes} are allowed`,
    )
  }
  try {
    return zstdDecompressSync(stored, {
      // Node refuses a maximum of 0; the caller compares the length with the claim anyway.
      maxOutputLength: Math.max(1, bodyBytes),
      params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
    })
  } catch (cause) {
    throw new CometError('MALFORMED_BATCH', 'a compressed body does not open', { cause })
  }
}
